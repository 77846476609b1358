// The environment that a running server hands down to its commands, from proc(5).
import { readFileSync } from 'node:fs';

/** Undefined where the system does not show it: the process is another user's, or gone. */
export function environmentOf(pid: number): Record<string, string> | undefined {
  try {
    const pairs = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').filter(Boolean);
    return Object.fromEntries(
      pairs.map((pair) => {
        const end = pair.indexOf('=');
        return [pair.slice(0, end), pair.slice(end + 1)] as const;
      }),
    );
  } catch {
    return undefined;
  }
}
