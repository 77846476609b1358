// Whether two names are names of one file. Over SFTP no server tells that: there the same content has to do, of which one name
// can go as well as the other.
import { isFar } from '../program/far-files.ts';
import { closeFile, lstat, unlessMissing } from '../program/system-calls.ts';
import { compareBytes, openRegular, type OpenFile } from './copy.ts';
import type { Inspect } from './transport.ts';

const unwatched: Inspect = { add: () => undefined, end: () => undefined };

/** False where one of them is missing. */
export async function isOneFile(left: string, right: string): Promise<boolean> {
  const [a, b] = await Promise.all([left, right].map((path) => unlessMissing(lstat(path))));
  if (a === undefined || b === undefined) return false;
  if (!isFar(left)) return a.dev === b.dev && a.ino === b.ino;
  return a.isFile() && b.isFile() && a.size === b.size && (await haveSameBytes(left, right));
}

async function haveSameBytes(left: string, right: string): Promise<boolean> {
  const opened: OpenFile[] = [];
  try {
    for (const path of [left, right]) {
      const file = await unlessMissing(openRegular(path));
      if (file === undefined || file === 'not a file') return false;
      opened.push(file);
    }
    const [one, other] = opened as [OpenFile, OpenFile];
    const { signal } = new AbortController();
    return (await compareBytes(one.descriptor, other.descriptor, unwatched, signal)) === 'identical';
  } finally {
    for (const { descriptor } of opened) await closeFile(descriptor);
  }
}
