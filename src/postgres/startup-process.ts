// The server's startup process, which replays WAL and runs restore_command: the ancestor of this call that the
// postmaster of the data directory has started. Its identity is one life of recovery: what PostgreSQL keeps in memory of
// it (which timeline it follows) is gone with that process. Read from proc(5).
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface StartupProcess {
  /** Differs between any two startup processes of a data directory, also after a reboot. */
  identity: string;
  /**
   * It has asked for WAL already: the name of a segment stands in its title. Always false with update_process_title =
   * off, where nothing tells.
   */
  hasBegun: boolean;
}

/** More ancestors than any wrapper of restore_command makes. */
const mostAncestors = 32;

/** Undefined where this call is none of a running server's, or /proc does not tell. */
export function startupProcess(dataDirectory: string): StartupProcess | undefined {
  try {
    // Its number, and since when it runs (src/include/utils/pidfile.h).
    const lines = readFileSync(join(dataDirectory, 'postmaster.pid'), 'latin1').split('\n');
    const postmaster = Number.parseInt(lines[0]!, 10);
    let pid = process.ppid;
    for (let steps = 0; steps < mostAncestors && pid > 0; steps++) {
      const { parent, startedAt } = readStat(pid);
      if (parent === postmaster) return judge(pid, [postmaster, lines[2], pid, startedAt].join(' '));
      pid = parent;
    }
    return undefined;
  } catch {
    // Gone, hidden, or no server at all.
    return undefined;
  }
}

/** Where the postmaster is the first process of a container, orphans are its children, too; backends always are. */
function judge(pid: number, identity: string): StartupProcess | undefined {
  // "postgres: startup recovering 0000…", up to 12 "postgres: startup process   recovering 0000…".
  const title = readFileSync(`/proc/${pid}/cmdline`, 'latin1');
  if (!/\bstartup\b/.test(title)) return undefined;
  return { identity, hasBegun: /[0-9A-F]{24}/.test(title) };
}

function readStat(pid: number): { parent: number; startedAt: string } {
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  // The second field is a name in parentheses and may hold anything.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { parent: Number(fields[1]), startedAt: fields[19]! };
}
