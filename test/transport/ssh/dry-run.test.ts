// A dry run over ssh says what the real call would come to, with whichever key, and changes nothing on either side.
import { chmodSync } from 'node:fs';
import { hostname } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { refused, silent, type Outcome } from '../../harness/node-fixture.ts';
import { makeSandbox, type Sandbox } from '../../harness/sandbox.ts';
import { inTurn } from '../../harness/share.ts';
import { startSshd, type Sshd } from '../../harness/sshd.ts';
import { segmentNamed } from '../../harness/wal-files.ts';
import { fakeReceiver } from './fake-receiver.ts';
import { lockedNode, type LockedNode } from './locked-node.ts';
import { anotherSegment as name, sshNode, urlOf } from './ssh-node.ts';

let sandbox: Sandbox;
let sshd: Sshd;
beforeAll(async () => {
  sandbox = makeSandbox('ssh-dry-run');
  sshd = await startSshd(sandbox);
});
afterAll(async () => {
  await sshd.stop();
  await sandbox.dispose();
});

const limits = { timeout: 120_000 };
const would = (node: LockedNode, segment = name): Promise<Outcome> =>
  node.archive('--dry-run', `pg_wal/${segment}`, segment);
const says = (stdout: string): Outcome => ({ ...silent(), stdout });
const error = (text: string): string => `archiveWALFile: ERROR:  ${text}\n`;

describe.each([
  ['may only write', []],
  ['may read, too', ['--allow-read']],
])('a dry run with a key that %s', limits, (_, options) => {
  const its = inTurn(2, options.length);
  its('says what would be stored, what is stored, and what differs', async () => {
    await using node = await lockedNode(sshd, ...options);
    node.segment(name);
    expect(await would(node)).toEqual(says(`${name} would be stored at ${node.url}\n`));
    expect(await node.archive(`pg_wal/${name}`, name)).toEqual(silent([`created far/${name}`]));
    expect(await would(node)).toEqual(says(`${name} is stored at ${node.url}\n`));
    node.segment(name, { content: 0x22 });
    expect(await would(node)).toEqual(
      refused(
        14,
        error(
          `${name} exists at ${node.url} with different content\n` +
            "DETAIL:  The archive's copy has 1048576 bytes, this one 1048576; their contents differ. Neither was touched.\n" +
            "HINT:  Two servers archive to one place, or a restored copy of the cluster does, or the archive's copy is damaged, or was archived by hand while PostgreSQL still wrote it. Find out which copy is right.",
        ),
      ),
    );
  });

  its('says what the other partial segment would become', async () => {
    await using node = await lockedNode(sshd, ...options);
    const partial = node.segment(`${segmentNamed(0x30)}.partial`);
    expect(await node.archive(`pg_wal/${partial}`, partial)).toMatchObject({ code: 0, stderr: '' });
    node.segment(partial, { content: 0x22 });
    expect(await would(node, partial)).toEqual(
      says(`${partial} would be kept as a version at ${node.url}\n`),
    );
  });

  its('ends as the real call does where nothing can be written', async () => {
    await using node = await lockedNode(sshd, ...options);
    node.segment(name);
    chmodSync(node.far, 0o500);
    const outcome = refused(
      21,
      error(
        `could not store ${name} at ${node.url}: Permission denied\n` +
          `DETAIL:  On ${hostname()} the receiver runs as ${sshd.user}; ${node.far} belongs to ${sshd.user} and has mode 0500.\n` +
          `HINT:  Over there, as ${sshd.user}: chmod u+rwx ${node.far}`,
      ),
    );
    expect(await would(node)).toEqual(outcome);
    expect(await node.archive(`pg_wal/${name}`, name)).toEqual(outcome);
  });
});

describe('a dry run', limits, () => {
  it('makes no archive of a directory that is none, and refuses what the real call refuses there', async () => {
    await using node = await sshNode('dry-run-new', sshd, { used: false });
    node.segment(name);
    expect(await node.archive('--dry-run', `pg_wal/${name}`, name)).toMatchObject({
      code: 0,
      stdout: `${name} would be stored at ${node.url}\n`,
    });
    expect((await node.sh(`test -e ${node.far}/.twowarm`)).code).toBe(1);
    const wal = node.path('data/pg_wal');
    const url = urlOf(sshd, wal);
    node.use({ url });
    const said =
      `cannot use ${wal} as an archive: it lies within the data directory ${node.dataDirectory}\n` +
      'DETAIL:  What is archived there is lost with it, or removed by its server.\n' +
      'HINT:  Choose a directory outside of every data directory.';
    const { code, stderr } = await node.archive('--dry-run', `pg_wal/${name}`, name);
    expect({ code, stderr }).toEqual({ code: 3, stderr: error(`could not store ${name}: ${said}`) });
  });

  it('says so where an older receiver lets it look only with a key that may read', async () => {
    await using node = await sshNode('dry-run-older', sshd);
    const message = 'the receiver does not allow to read';
    const refusal = { reply: 'error', kind: 'not-allowed', message, hint: 'It needs --allow-read.' };
    node.use({ receiver: fakeReceiver(node.sandbox, { hello: [{ message: refusal }] }) });
    node.segment(name);
    const { code, stderr } = await node.archive('--dry-run', `pg_wal/${name}`, name);
    expect(code).toBe(64);
    expect(stderr).toMatch(
      /^archiveWALFile: ERROR: {2}could not store \S+: could not open \S+: a dry run cannot look there with this key\nDETAIL: {2}The receiver is older than this twowarm, and lets a dry run look only where the key may read\. This node logs in as \S+ on 127\.0\.0\.1 with the key \S+ \(SHA256:\S+\)\.\nHINT: {2}The real call does not need that: it can be made all the same\.\n$/,
    );
  });

  it('compares by itself where an older receiver lets it read and cannot be asked', async () => {
    await using node = await sshNode('dry-run-older-reads', sshd);
    const unknown = { reply: 'error', kind: 'protocol', message: 'the receiver does not know "would-put"' };
    const receiver = fakeReceiver(node.sandbox, {
      hello: [
        { message: { reply: 'welcome', version: 1, receiver: '0.1.0', vacant: false, may_read: true } },
      ],
      'would-put': [{ message: unknown }],
      ownership: [{ message: { reply: 'ownership', standing: 'unclaimed' } }],
      get: [{ message: { reply: 'missing' } }],
    });
    node.use({ receiver });
    node.segment(name);
    expect(await node.archive('--dry-run', `pg_wal/${name}`, name)).toMatchObject({
      code: 0,
      stdout: `${name} would be stored at ${node.url}\n`,
      stderr: '',
    });
  });
});
