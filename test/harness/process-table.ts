// The processes of this machine, read from /proc: what the tests find their servers' and connections' processes in.
import { readdirSync, readFileSync } from 'node:fs';

export interface Seen {
  pid: number;
  parent: number;
  name: string;
  /** As in proc(5): 'Z' is dead, but nobody has asked how it ended; 'T' is stopped. */
  state: string;
}

/** What `read` reads; undefined where it fails: processes come and go while /proc is read. */
export function quietly<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/** All that there are at this moment. */
export function allProcesses(): Seen[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .flatMap((entry) => {
      const stat = quietly(() => readFileSync(`/proc/${entry}/stat`, 'latin1'));
      if (stat === undefined) return [];
      const name = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'));
      const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return [{ pid: Number(entry), parent: Number(parent), name, state: state! }];
    });
}
