// What the tests of roads work with: nodes of one cluster, and looks at a directory behind the road's back.
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Identity, InspectOf } from '../../src/transport/transport.ts';
import type { Sandbox } from '../harness/sandbox.ts';

export const cluster = '7300000000000000001';
export const otherCluster = '7300000000000000002';

let made = 0;

/** A node with a state directory of its own in the sandbox. */
export function makeNode(sandbox: Sandbox, systemIdentifier = cluster): Identity {
  made += 1;
  const nodeId = made.toString(16).padStart(16, '0');
  return { systemIdentifier, nodeId, stateDirectory: sandbox.directory(`node-${made}/state`) };
}

/** Inspects nothing. */
export const acceptAll: InspectOf = () => ({ add: () => undefined, end: () => undefined });

/** A signal that nobody aborts. */
export const neverStopped = new AbortController().signal;

/** Every file and directory below `directory`, as sorted relative paths; directories end in a slash. */
export function treeOf(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .map((entry) => {
      const path = join(entry.parentPath, entry.name).slice(directory.length + 1);
      return entry.isDirectory() ? `${path}/` : path;
    })
    .sort();
}

/** All that can be told of a directory from outside: names, modes, owners, inodes, times of change, contents. */
export function photograph(directory: string): Record<string, string> {
  const facts = (path: string): string => {
    const { mode, uid, gid, ino, mtimeNs, ctimeNs } = lstatSync(path, { bigint: true });
    return [mode.toString(8), uid, gid, ino, mtimeNs, ctimeNs].join(' ');
  };
  const below = treeOf(directory).map((path): [string, string] => {
    const whole = join(directory, path);
    return [path, path.endsWith('/') ? facts(whole) : `${facts(whole)} ${readFileSync(whole, 'latin1')}`];
  });
  return Object.fromEntries([['.', facts(directory)], ...below]);
}

/** `length` bytes that no other `seed` has, in a pattern that a chunk in the wrong place breaks. */
export function patterned(length: number, seed: number): Buffer {
  const bytes = Buffer.alloc(length);
  // A linear congruential generator over 32-bit words; the last bytes stay zero when the length is odd.
  let state = (seed + 1) >>> 0;
  for (let at = 0; at + 4 <= length; at += 4) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes.writeUInt32LE(state, at);
  }
  return bytes;
}

/** The open files of this process below `directory`. */
export function openFilesIn(directory: string): string[] {
  return readdirSync('/proc/self/fd').flatMap((descriptor) => {
    try {
      const path = readlinkSync(`/proc/self/fd/${descriptor}`);
      return path.startsWith(`${directory}/`) ? [path] : [];
    } catch {
      // The descriptor of the listing itself is gone by now.
      return [];
    }
  });
}
