// What is distributed: the files of the running installation, as its package.json names them, and the Node.js that it
// carries for the machine they go to. Each has its SHA-256 in a manifest, whose own hash names the whole.
import { createHash } from 'node:crypto';
import { createReadStream, globSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fromSystemError, ProgramError } from '../../program/program-error.ts';
import type { Architecture, Runtime } from './runtimes.ts';

export interface PackageFile {
  /** In the copy, with forward slashes: 'bin/twowarm'. */
  path: string;
  /** Where it is here. */
  from: string;
  sizeBytes: number;
  sha256: string;
}

export interface Package {
  architecture: Architecture;
  files: readonly PackageFile[];
  sizeBytes: number;
  /** The file MANIFEST of the copy, as sha256sum -c reads it. */
  manifest: string;
  /** SHA-256 of the manifest. */
  id: string;
  /** '0.1.0-0123456789ab': the version and the beginning of the id. */
  name: string;
}

/** npm packs these whatever package.json says. */
const always = ['package.json', 'README*', 'LICENSE*', 'LICENCE*'];
const plainPath = /^(?!-)[A-Za-z0-9_@][A-Za-z0-9_@+,.-]*(\/[A-Za-z0-9_@][A-Za-z0-9_@+,.-]*)*$/;

/** A pattern of "files" that is a directory means all that is in it. */
function filesOf(root: string, patterns: readonly string[]): string[] {
  const found = patterns.flatMap((pattern) => [
    ...globSync(pattern, { cwd: root }),
    ...globSync(`${pattern}/**`, { cwd: root }),
  ]);
  return [...new Set(found)].filter((path) => statSync(join(root, path)).isFile());
}

async function hashOf(path: string, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1024 * 1024 }), hash, { signal });
  return hash.digest('hex');
}

async function describe(path: string, from: string, signal: AbortSignal): Promise<PackageFile> {
  if (!plainPath.test(path)) {
    throw new ProgramError('bug', `cannot distribute the file ${from}: its name is no plain one`);
  }
  return { path, from, sizeBytes: statSync(from).size, sha256: await hashOf(from, signal) };
}

/** Of the runtime what npm packs of it goes with it, without headers and manual. */
function runtimeFiles({ directory, architecture }: Runtime): [string, string][] {
  return filesOf(directory, ['bin/node', 'package.json', 'LICENSE']).map((path) => [
    `node_modules/node-linux-${architecture}/${path}`,
    join(directory, path),
  ]);
}

/** Reads and hashes every file of the installation in `root`. Throws faults of reading, or the reason of `signal`. */
export async function readPackage(root: string, runtime: Runtime, signal: AbortSignal): Promise<Package> {
  try {
    const { version, files: patterns } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      version: string;
      files: string[];
    };
    const own = filesOf(root, [...always, ...patterns]).map((path): [string, string] => [
      path,
      join(root, path),
    ]);
    const files: PackageFile[] = [];
    for (const [path, from] of [...own.sort(([a], [b]) => (a < b ? -1 : 1)), ...runtimeFiles(runtime)])
      files.push(await describe(path, from, signal));
    const manifest = files.map(({ sha256, path }) => `${sha256}  ${path}\n`).join('');
    const id = createHash('sha256').update(manifest).digest('hex');
    return {
      architecture: runtime.architecture,
      files,
      sizeBytes: files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
      manifest,
      id,
      name: `${version}-${id.slice(0, 12)}`,
    };
  } catch (error) {
    signal.throwIfAborted();
    throw fromSystemError(error, `could not read the installation ${root}`);
  }
}
