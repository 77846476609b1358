import { describe, expect, it } from 'vitest';
import { parseBackupHistory } from '../../src/wal/backup-history.ts';

/** Written by 15.18 for a pg_basebackup. */
const of15 = `START WAL LOCATION: 0/2000028 (file 000000010000000000000002)
STOP WAL LOCATION: 0/2000100 (file 000000010000000000000002)
CHECKPOINT LOCATION: 0/2000060
BACKUP METHOD: streamed
BACKUP FROM: primary
START TIME: 2026-11-21 01:17:09 UTC
LABEL: pg_basebackup base backup
START TIMELINE: 1
STOP TIME: 2026-11-21 01:17:09 UTC
STOP TIMELINE: 1
`;

describe('a backup history file', () => {
  it('says where the WAL of the backup begins', () => {
    const start = { startLsn: 0x200_0028n, startSegment: '000000010000000000000002' };
    expect(parseBackupHistory(of15)).toEqual(start);
    expect(parseBackupHistory(of15.replace('0/2000028', '0/02000028'))).toEqual(start);
  });

  it.each([
    ['it is empty', ''],
    ['it contains zero bytes', '\0'.repeat(300)],
    ['it contains zero bytes', `${of15}\0\n`],
    ['its last line is incomplete', of15.slice(0, -1)],
    ['its last line is incomplete', 'START WAL LOCATION: 0/2000028 (file 000000010000000000000002)'],
    ['line 1: expected the START WAL LOCATION', `\n${of15}`],
    ['line 1: expected the START WAL LOCATION', of15.slice(of15.indexOf('\n') + 1)],
    ['line 1: expected the START WAL LOCATION', of15.replace('(file 0', '(file ')],
    ['line 1: expected the START WAL LOCATION', of15.replace('02)', '02.partial)')],
    ['line 1: expected the START WAL LOCATION', of15.replace('02)', '02) and more')],
    ['line 1: expected the START WAL LOCATION', of15.replace('0/2000028', '0/200002800')],
  ])('is refused: %s: %j', (problem, text) => {
    expect(parseBackupHistory(text)).toEqual({ problem });
  });
});
