// The command line of twowarm receive, as data.
import type { Option, Positional, ReadWords } from '../program/command.ts';

export const receiveArguments: readonly Positional[] = [
  {
    name: 'KEY.pub',
    summary: 'With --authorized-keys-line: the file of the public key that the line is for.',
    required: false,
  },
];

export const receiveOptions: readonly Option[] = [
  {
    name: 'directory',
    argument: 'DIR',
    summary: 'The archive directory, absolute. It must exist; clients must name the same one in their URL.',
  },
  { name: 'allow-read', summary: 'Allow clients to fetch and list files, too; restore_command needs that.' },
  {
    name: 'data-directory',
    argument: 'DIR',
    summary:
      'In the place of --directory: receive base backups (copyToStandby, copyToDR) into this data directory, absolute. It, or its parent, must exist.',
  },
  {
    name: 'allow',
    argument: 'DIR[:DIR…]',
    summary:
      'With --data-directory: further directories in which, and below which, a base backup may put tablespaces and pg_wal.',
  },
  {
    name: 'authorized-keys-line',
    summary: 'Print the line for authorized_keys that limits a key to this receiver, and end.',
  },
];

/** Of a line in authorized_keys, or of a client: what no option can be meant by. */
const isPath = (word: string | undefined): word is string => word?.startsWith('/') === true;

/**
 * The forms in which a receiver is started for every connection, read without the parser, whose loading costs a connection 30 ms.
 * Anything else is the parser's.
 */
export function readReceiverWords(words: readonly string[]): ReadWords | undefined {
  const [option, directory, allow, where, ...more] = words;
  if (!isPath(directory) || more.length > 0) return undefined;
  if (option === '--directory' && where === undefined && (allow ?? '--allow-read') === '--allow-read')
    return { positionals: [], options: { directory, 'allow-read': allow !== undefined } };
  if (option !== '--data-directory' || (allow ?? '--allow') !== '--allow') return undefined;
  if (allow === undefined) return { positionals: [], options: { 'data-directory': directory } };
  return isPath(where)
    ? { positionals: [], options: { 'data-directory': directory, allow: where } }
    : undefined;
}
