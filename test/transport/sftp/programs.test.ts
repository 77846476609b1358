// The programs with an archive on a machine that has no twowarm: archive_command, restore_command, the relay and claims as
// PostgreSQL and people call them, and what they say of the way that files go.
import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandLine, silent } from '../../harness/node-fixture.ts';
import { makeSandbox, type Sandbox } from '../../harness/sandbox.ts';
import { startSshd, type Sshd } from '../../harness/sshd.ts';
import { segmentBytes, segmentNamed } from '../../harness/wal-files.ts';
import { sshNode, type SshNode } from '../ssh/ssh-node.ts';
import { noReceiver, withSftp } from './scene.ts';

let sandbox: Sandbox;
let sshd: Sshd;

beforeAll(async () => {
  sandbox = makeSandbox('sftp-programs');
  sshd = await startSshd(sandbox, withSftp());
});

afterAll(async () => {
  await sshd.stop();
  await sandbox.dispose();
});

const [first, second] = [segmentNamed(0x21), segmentNamed(0x22)] as const;
const accept = "accept = ['not-durable']\n";
const lack = 'not-durable: a file that counts as stored may be lost in a power failure of the far side.';
const instead = 'There is no receiver of twowarm over there, so files go by SFTP.';

const node = async (destination = accept): Promise<SshNode> => {
  const made = await sshNode('sftp', sshd);
  made.use({ receiver: noReceiver, destination });
  return made;
};
const store = (at: SshNode, name: string) => {
  at.segment(name);
  return at.archive(`pg_wal/${name}`, name);
};

describe('a node whose far side has no twowarm', { timeout: 120_000 }, () => {
  it('archives by SFTP, says so once, shows it, and restores from there', async () => {
    await using db1 = await node();
    expect(await store(db1, first)).toMatchObject({
      code: 0,
      stderr:
        `archiveWALFile: WARNING:  files go to db2 by a road that is not-durable: ${db1.url}\n` +
        `DETAIL:  ${instead} ${lack}\n` +
        'HINT:  Install twowarm there, and set ssh.receiver to the path of its bin/twowarm.\n',
    });
    expect(await store(db1, second)).toEqual(silent([`created far/${second}`]));
    expect(readFileSync(`${db1.far}/${second}`).equals(segmentBytes(second))).toBe(true);
    const listed = await db1.sh(commandLine('twowarm', 'destination', 'list'));
    expect(listed.stdout).toContain(
      `  the road there is not-durable; accepted by name (accept). ${instead}\n`,
    );
    const json = await db1.sh(commandLine('twowarm', 'destination', 'list', '--json'));
    const { destinations } = JSON.parse(json.stdout) as { destinations: object[] };
    expect(destinations).toMatchObject([{ name: 'db2', lacks: ['not-durable'], way: instead }]);
    // No file goes that way any more once nothing accepts it.
    db1.use({ receiver: noReceiver, destination: '' });
    const refused = await db1.sh(commandLine('twowarm', 'destination', 'list'));
    expect(refused.stdout).not.toContain('not-durable');
    db1.use({ receiver: noReceiver, destination: accept });
    db1.mode('standby');
    const restored = await db1.restore(first, 'pg_wal/RECOVERYXLOG');
    expect({ code: restored.code, stderr: restored.stderr }).toEqual({ code: 0, stderr: '' });
    expect(readFileSync(db1.path('data/pg_wal/RECOVERYXLOG')).equals(segmentBytes(first))).toBe(true);
    db1.mode('none');
    expect((await db1.restore(segmentNamed(0x30), 'pg_wal/RECOVERYXLOG')).code).toBe(1);
  });

  it('archives by an sftp: URL without asking for a receiver', async () => {
    await using db1 = await sshNode('sftp-url', sshd);
    const url = db1.url.replace('ssh:', 'sftp:');
    db1.use({ receiver: 'false', url, destination: "policy = 'required'\naccept = ['not-durable']\n" });
    const { code, stderr } = await store(db1, first);
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr:
        `archiveWALFile: WARNING:  files go to db2 by a road that is not-durable: ${url}\n` +
        `DETAIL:  Files go by SFTP, as the URL says. ${lack}\n` +
        'HINT:  Install twowarm there, and write ssh: instead of sftp:.\n',
    });
    expect(readdirSync(db1.far)).toContain(first);
    db1.use({ receiver: 'false', url });
    const refusal = await store(db1, second);
    expect(refusal.code).toBe(3);
    expect(refusal.stderr).toContain(
      '"destination.db2.url" cannot be relied on, and the destination is required: the road there is not-durable',
    );
  });

  it('relays there, and says once how', async () => {
    await using db1 = await node();
    db1.mode('standby');
    db1.segment(first, {}, 'twowarm/archive');
    const relayed = await db1.sh(commandLine('rsyncDR'));
    expect(relayed.code).toBe(0);
    expect(relayed.stderr).toContain(`files go to db2 by a road that is not-durable: ${db1.url}`);
    expect(readFileSync(`${db1.far}/${first}`).equals(segmentBytes(first))).toBe(true);
    db1.segment(second, {}, 'twowarm/archive');
    expect((await db1.sh(commandLine('rsyncDR'))).stderr).not.toContain('not-durable');
    expect(readdirSync(db1.far)).toContain(second);
  });
});
