// npm run package:deb [-- --fast] [--arch arm64] [--into DIRECTORY]
import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildDebian } from './build-debian.ts';
import { manifest } from './man-pages.ts';
import { architectures } from './runtime.ts';

const root = join(import.meta.dirname, '..', '..');

/** $SOURCE_DATE_EPOCH, else the time of the last commit, else, outside a checkout, that of package.json. */
function sourceDate(): number {
  const given = process.env['SOURCE_DATE_EPOCH'];
  if (given !== undefined && !/^\d+$/.test(given))
    throw new Error(`SOURCE_DATE_EPOCH is no number of seconds: ${given}`);
  if (given !== undefined) return Number(given);
  const { status, stdout } = spawnSync('git', ['log', '-1', '--format=%ct'], { cwd: root, encoding: 'utf8' });
  return status === 0 && stdout !== ''
    ? Number(stdout)
    : Math.floor(statSync(join(root, 'package.json')).mtimeMs / 1000);
}

const own = Object.keys(architectures).find((name) => architectures[name] === process.arch);
const { values } = parseArgs({
  options: {
    fast: { type: 'boolean', default: false },
    arch: { type: 'string', default: own ?? process.arch },
    into: { type: 'string', default: root },
  },
});
const path = await buildDebian({
  version: manifest.version,
  architecture: values.arch,
  epoch: sourceDate(),
  compression: values.fast ? 'zstd' : 'xz',
  into: values.into,
});
process.stdout.write(`${path}\n`);
