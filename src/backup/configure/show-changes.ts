// Changes of files as unified diffs for people, without the passwords that are in them.
import { unifiedDiff } from '../../program/differences.ts';
import type { FileChange } from './file-change.ts';

/** Nothing that follows password= on a line is shown, whatever quotes are in it; nor what is between user: and @ of a URL. */
export const withoutPasswords = (text: string): string =>
  text
    .replace(/(password\s*=\s*).*$/gim, '$1…')
    .replace(/(\bpostgres(?:ql)?:\/\/[^\s:@/']*:)[^\s@/']*@/gi, '$1…@');

const shown = (bytes: string | undefined): string =>
  withoutPasswords(Buffer.from(bytes ?? '', 'latin1').toString());

/** What becomes of one file: a unified diff, or a line where there is nothing to compare. Ends in a line feed. */
export function describeChange({ path, before, after }: FileChange): string {
  if (after === undefined && before === '') return `removed: ${path}\n`;
  if (before === undefined && after === '') return `new, empty: ${path}\n`;
  const [from, to] = [before === undefined ? '/dev/null' : path, after === undefined ? '/dev/null' : path];
  const patch = unifiedDiff(from, to, shown(before), shown(after));
  return patch.includes('\n@@') ? patch : `${patch}(a password in it changes)\n`;
}

export const kindOfChange = ({ before, after }: FileChange): 'create' | 'replace' | 'remove' =>
  after === undefined ? 'remove' : before === undefined ? 'create' : 'replace';
