// restore.wait in the text of a configuration file, changed so that nothing else of it changes: neither comments nor order.
import { isDeepStrictEqual } from 'node:util';
import { ProgramError } from '../program-error.ts';
import { locateKeys } from './key-lines.ts';
import { parseToml } from './read.ts';
import type { Settings } from './settings.ts';

type Wait = Settings['restore']['wait'];

const assignment = /^(\s*(?:restore\s*\.\s*)?wait\s*=\s*)(?:'[^']*'|"[^"]*")(\s*(?:#.*)?)$/;
const header = /^\s*\[\s*restore\s*\]\s*(?:#.*)?$/;

/** Undefined where it stands in a way that this does not change. */
function attempt(text: string, wait: Wait): string | undefined {
  const lines = text.split('\n');
  const { of } = locateKeys(text);
  const [key, table] = [of('restore.wait'), of('restore')];
  if (key !== undefined) {
    const [, before, after] = assignment.exec(lines[key - 1]!) ?? [];
    if (before === undefined) return undefined;
    lines[key - 1] = `${before}'${wait}'${after}`;
  } else if (table !== undefined) {
    if (!header.test(lines[table - 1]!)) return undefined;
    lines.splice(table, 0, `wait = '${wait}'`);
  } else {
    const ended = text === '' || text.endsWith('\n') ? text : `${text}\n`;
    return `${ended}\n[restore]\nwait = '${wait}'\n`;
  }
  return lines.join('\n');
}

/** What a configuration says beside restore.wait. */
function besides(parsed: Record<string, unknown>): unknown {
  return { ...parsed, restore: { ...(parsed['restore'] as object | undefined), wait: undefined } };
}

/** The text of the file with restore.wait as given; a `settings` error that says what to write where that cannot be done. */
export function withWait(file: string, text: string, wait: Wait): string {
  const before = parseToml(file, text);
  const changed = attempt(text, wait);
  if (changed !== undefined) {
    const after = parseToml(file, changed);
    const isSet = (after['restore'] as { wait?: unknown } | undefined)?.wait === wait;
    if (isSet && isDeepStrictEqual(besides(after), besides(before))) return changed;
  }
  throw new ProgramError(
    'settings',
    `cannot change restore.wait in ${file}: it is not written on a line of its own`,
    {
      hint: `Set it by hand, in the section [restore]: wait = '${wait}'`,
    },
  );
}
