// The configuration that --full restores with: what the roads need, and nothing that this node is registered by.
import { parse } from 'smol-toml';
import { expect, it } from 'vitest';
import { configurationFor, judge } from '../../../src/cluster/check/restore-segment.ts';

it('what restores a followed segment logs in as the node does, by ssh and at a daemon of rsync', () => {
  const inForce = [
    { key: 'node.data_directory', value: '/d/main', origin: '/h/twowarm.toml:2' },
    { key: 'ssh.identity_files', value: ['/d/id'], origin: '/h/twowarm.toml:4' },
    { key: 'ssh.receiver', value: 'twowarm', origin: 'default' },
    { key: 'rsync.password_file', value: '/d/"rsync"', origin: '/h/twowarm.toml:6' },
    { key: 'cluster.arbiter', value: 'file:/a', origin: '/h/twowarm.toml:8' },
  ];
  expect(parse(configurationFor({ inForce, limitMs: 1500.5 }, 'rsync://wal@db3/wal/main'))).toEqual({
    node: { data_directory: '/d/main' },
    restore: { sources: ['rsync://wal@db3/wal/main'], wait: 'off', retry_limit: '1s', time_limit: '1501ms' },
    ssh: { identity_files: ['/d/id'] },
    rsync: { password_file: '/d/"rsync"' },
  });
});

it('what was restored is the followed segment only byte for byte, and is not said to be where nobody can compare', () => {
  const content = { sha256: 'aa', sizeBytes: 16 };
  const saidOf = (expected: { sha256: string | undefined; sizeBytes: number }): string[] =>
    judge('X', { code: 0, stderr: '', ms: 5, content }, expected).map(
      ({ level, message }) => `${level}: ${message}`,
    );
  expect(saidOf(content)).toEqual(['ok: restored X within 5 ms, byte for byte']);
  const other = ['critical: what was restored as X has another content'];
  expect(saidOf({ sha256: 'bb', sizeBytes: 16 })).toEqual(other);
  expect(saidOf({ sha256: 'aa', sizeBytes: 17 })).toEqual(other);
  expect(saidOf({ sha256: undefined, sizeBytes: 17 })).toEqual(other);
  expect(saidOf({ sha256: undefined, sizeBytes: 16 })).toEqual([
    'ok: restored X within 5 ms, whose content cannot be compared any more',
  ]);
});
