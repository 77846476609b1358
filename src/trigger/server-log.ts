// The end of the server's log, where the server writes it itself (logging_collector): current_logfiles names the file.
import { closeSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { resolve } from 'node:path';

/** How much of the end is looked at, in bytes, and how many lines are shown. */
const tailBytes = 4096;
const tailLines = 3;

/** The last lines, or undefined where the log is somewhere else. */
export function endOfServerLog(dataDirectory: string): { path: string; lines: string[] } | undefined {
  try {
    const current = readFileSync(resolve(dataDirectory, 'current_logfiles'), 'utf8');
    const name = /^stderr (.+)$/m.exec(current)?.[1];
    if (name === undefined) return undefined;
    const path = resolve(dataDirectory, name);
    const lines = tailOf(path)
      .split('\n')
      .filter((line) => line !== '');
    return { path, lines: lines.slice(-tailLines) };
  } catch {
    // Only a courtesy to the one who looks for the reason.
    return undefined;
  }
}

function tailOf(path: string): string {
  const descriptor = openSync(path, 'r');
  try {
    const { size } = fstatSync(descriptor);
    const bytes = Buffer.alloc(Math.min(size, tailBytes));
    readSync(descriptor, bytes, 0, bytes.length, size - bytes.length);
    return bytes.toString();
  } finally {
    closeSync(descriptor);
  }
}
