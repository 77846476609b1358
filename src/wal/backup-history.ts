// The content of a backup history file (….backup): where the WAL that a base backup needs begins. Its name is
// filename.ts; the rest of the file is for people and is not read here.

import { parseWalFileName } from './filename.ts';
import { parseLsn } from './lsn.ts';

/**
 * Where the backup began, as LSN and as segment name: the oldest WAL that the backup needs. Otherwise a short phrase
 * for the DETAIL of an error. Only the first line is read; it must be complete, as the server demands of
 * backup_label (build_backup_content in src/backend/access/transam/xlogbackup.c writes both).
 */
export function parseBackupHistory(
  text: string,
): { startLsn: bigint; startSegment: string } | { problem: string } {
  if (text === '') return { problem: 'it is empty' };
  if (text.includes('\0')) return { problem: 'it contains zero bytes' };
  if (!text.endsWith('\n')) return { problem: 'its last line is incomplete' };
  const line = text.slice(0, text.indexOf('\n'));
  const [, place = '', name = ''] = /^START WAL LOCATION: (\S+) \(file (\S+)\)\r?$/.exec(line) ?? [];
  const startLsn = parseLsn(place);
  const file = parseWalFileName(name);
  if (startLsn === undefined || file?.kind !== 'segment') {
    return { problem: 'line 1: expected the START WAL LOCATION' };
  }
  return { startLsn, startSegment: file.segment };
}
