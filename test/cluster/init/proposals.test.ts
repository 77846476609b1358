// What PostgreSQL's settings should be, where they are not: by the files of a server that is not running.
import { describe, expect, it } from 'vitest';
import { whyNotIn } from '../../../src/cluster/init/propose-access.ts';
import { LocalServer } from '../../../src/cluster/check/local-server.ts';
import {
  ourArchiveCommand,
  proposeSettings,
  type Circumstances,
  type ProposedSetting,
} from '../../../src/cluster/init/propose-settings.ts';
import { controlFile } from '../../harness/node-fixture.ts';
import { makeSandbox } from '../../harness/sandbox.ts';
import { ourCluster } from '../../harness/wal-files.ts';
import { putCluster } from './fresh.ts';

async function proposed(
  settings: string,
  asked: Partial<Circumstances>,
  checksums = 0,
): Promise<ProposedSetting[]> {
  await using sandbox = makeSandbox('proposals');
  const dataDirectory = putCluster(sandbox, 'data', settings);
  const bytes = controlFile(ourCluster);
  // data_checksum_version, where 15 has it.
  bytes.writeUInt32LE(checksums, 252);
  sandbox.file('data/global/pg_control', bytes);
  const server = await LocalServer.find({ dataDirectory, server: { conninfo: undefined } });
  const usual = {
    role: 'primary',
    segmentBytes: 16 * 1024 ** 2,
    archiveTimeoutMs: undefined,
    streams: false,
  } as const;
  return proposeSettings({ server, dataDirectory, ...usual, ...asked });
}

const valuesOf = (settings: readonly ProposedSetting[]): Record<string, string> =>
  Object.fromEntries(settings.map(({ name, value }) => [name, value]));

const command = ourArchiveCommand();
const settled = `archive_mode = on\narchive_timeout = 5min\nwal_log_hints = on\n`;

describe('what is proposed', () => {
  it.each<[string, string, Partial<Circumstances>, Record<string, string>]>([
    ['only what differs', settled, {}, { archive_command: command }],
    [
      'what is asked for by name',
      settled,
      { archiveTimeoutMs: 30_000 },
      { archive_command: command, archive_timeout: '30' },
    ],
    [
      'wal_level where no standby could be made',
      `${settled}wal_level = minimal\n`,
      {},
      { archive_command: command, wal_level: 'replica' },
    ],
    [
      'no library in the place of the command',
      `${settled}archive_library = 'basic_archive'\n`,
      {},
      { archive_command: command, archive_library: '' },
    ],
    [
      'what a waiting standby needs',
      settled,
      { role: 'standby' },
      { archive_command: command, recovery_prefetch: 'off', wal_retrieve_retry_interval: '500ms' },
    ],
    [
      'nothing against prefetching where a standby streams',
      `${settled}hot_standby = off\nmax_wal_senders = 0\n`,
      { role: 'dr', streams: true },
      {
        archive_command: command,
        hot_standby: 'on',
        max_wal_senders: '3',
        wal_retrieve_retry_interval: '500ms',
      },
    ],
    [
      'that a standby does not archive twice',
      'archive_mode = always\narchive_timeout = 60\nwal_log_hints = on\n',
      { role: 'standby' },
      {
        archive_command: command,
        archive_mode: 'on',
        recovery_prefetch: 'off',
        wal_retrieve_retry_interval: '500ms',
      },
    ],
  ])('is %s', async (_title, settings, asked, wanted) => {
    expect(valuesOf(await proposed(settings, asked))).toEqual(wanted);
  });

  it('says what a command that is there does no more, and what a short archive_timeout costs', async () => {
    const found = await proposed("archive_command = 'cp %p /old/%f'\n", { archiveTimeoutMs: 10_000 });
    const whyOf = (name: string) => found.find((each) => each.name === name)?.why;
    expect(whyOf('archive_command')).toBe(
      'it ships each finished segment to every destination; what it calls now ends: cp %p /old/%f',
    );
    expect(whyOf('archive_timeout')).toContain('at most 10s of commits are lost');
    expect(whyOf('archive_timeout')).toContain('up to 135 GB a day');
  });

  it('is nothing where data checksums, or our own settings, are there already', async () => {
    const own = `archive_mode = on\narchive_command = '${command}'\narchive_timeout = 60\n`;
    expect(await proposed(own, {}, 1)).toEqual([]);
    expect(valuesOf(await proposed(own, {}, 0))).toEqual({ wal_log_hints: 'on' });
  });

  it('is a line that PostgreSQL reads back as the value', async () => {
    const lines = (await proposed('', {})).map(({ line }) => line);
    const values = valuesOf(await proposed('', {}));
    expect(await proposed(`${lines.join('\n')}\n`, {})).toEqual([]);
    expect(values['archive_command']).toBe(command);
  });
});

describe('a server that does not let us in', () => {
  it.each([
    ['role "x" does not exist', 'and was refused: role "x" does not exist', ','],
    [
      'getaddrinfo ENOTFOUND db1',
      'whether it is let in is not known, because db1, the host in node.conninfo, does not resolve here',
      ';',
    ],
  ])('has refused us, unless its name does not resolve: %s', (fault, words, mark) => {
    expect(whyNotIn(fault)).toBe(`twowarm asks the local server as its own user${mark} ${words}`);
  });
});
