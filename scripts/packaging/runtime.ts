// The Node.js that goes into a package: the one that npm has installed here, or, for another kind of machine, fetched by npm
// and compared with package-lock.json.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..', '..');

/** What Debian calls an architecture, and what Node.js does. */
export const architectures: Readonly<Record<string, string>> = { amd64: 'x64', arm64: 'arm64' };

interface Locked {
  packages: Readonly<Record<string, { version: string; integrity: string }>>;
}

/** The directory of node-linux-<arch>; `room` is where it may be fetched to. */
export function runtimeFor(architecture: string, room: string): string {
  const name = `node-linux-${architectures[architecture]}`;
  const installed = join(root, 'node_modules', name);
  return existsSync(join(installed, 'bin', 'node')) ? installed : fetchRuntime(name, room);
}

function fetchRuntime(name: string, room: string): string {
  const locked = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as Locked;
  const wanted = locked.packages[`node_modules/${name}`];
  if (wanted === undefined) throw new Error(`package-lock.json does not have ${name}`);
  const words = ['pack', '--loglevel=error', `${name}@${wanted.version}`];
  execFileSync('npm', words, { cwd: room, stdio: ['ignore', 'ignore', 'inherit'] });
  const tarball = join(room, `${name}-${wanted.version}.tgz`);
  const integrity = `sha512-${createHash('sha512').update(readFileSync(tarball)).digest('base64')}`;
  if (integrity !== wanted.integrity) throw new Error(`${name} is not the one of package-lock.json`);
  const directory = join(room, name);
  mkdirSync(directory);
  execFileSync('tar', ['-xzf', tarball, '-C', directory, '--strip-components=1', '--no-same-owner']);
  return directory;
}
