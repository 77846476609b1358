// Builds the Debian package from what is built in dist/: the same bytes for the same dist/, version and time.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { debianControl, debianVersion, renderChangelog } from './debian-control.ts';
import { debianTree } from './debian-tree.ts';
import { dependsOf } from './depends.ts';
import { architectures, runtimeFor } from './runtime.ts';
import { writeTree } from './write-tree.ts';

export interface DebianBuild {
  version: string;
  /** As Debian calls it: 'amd64'. */
  architecture: string;
  /** The time of every file, in seconds. */
  epoch: number;
  /** zstd takes a tenth of the time, xz two thirds of the room and any dpkg. */
  compression: 'xz' | 'zstd';
  /** The directory to write to; made where it is missing. */
  into: string;
}

/** The path of twowarm_<version>_<arch>.deb. Throws where something of it is missing. */
export async function buildDebian(build: DebianBuild): Promise<string> {
  const { version, architecture, epoch, compression, into } = build;
  const nodeArchitecture = architectures[architecture];
  if (nodeArchitecture === undefined)
    throw new Error(`cannot build for ${architecture}: only for ${Object.keys(architectures).join(' and ')}`);
  const room = mkdtempSync(join(tmpdir(), 'twowarm-deb-'));
  try {
    const runtime = runtimeFor(architecture, room);
    const changelog = renderChangelog(build);
    const tree = await debianTree({ version, runtime, nodeArchitecture, changelog });
    const depends = dependsOf(join(runtime, 'bin', 'node'));
    const control = debianControl(tree, { version, architecture, depends, epoch });
    const stage = join(room, 'stage');
    mkdirSync(stage);
    writeTree(stage, new Map([...control, ...tree]), epoch);
    mkdirSync(into, { recursive: true });
    const path = resolve(into, `twowarm_${debianVersion(version)}_${architecture}.deb`);
    const how = compression === 'zstd' ? ['-Zzstd', '-z1'] : ['-Zxz', '-z6'];
    const env = { ...process.env, SOURCE_DATE_EPOCH: String(epoch) };
    const words = ['--root-owner-group', ...how, '--build', stage, path];
    execFileSync('dpkg-deb', words, { env, stdio: ['ignore', 'ignore', 'inherit'] });
    return path;
  } finally {
    rmSync(room, { recursive: true, force: true });
  }
}
