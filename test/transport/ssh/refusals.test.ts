// What archiveWALFile and restoreWALFile say when the far side of an ssh: road cannot be used: the whole message, the exit
// code, and that nothing was changed. Unknown is never absent: restoreWALFile ends with 1 or 200 by its mode.
import { chmodSync, chownSync } from 'node:fs';
import { hostname } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../../harness/free-port.ts';
import { mountTmpfs } from '../../harness/mounts.ts';
import { refused, silent } from '../../harness/node-fixture.ts';
import { run } from '../../harness/run.ts';
import { makeSandbox, type Sandbox } from '../../harness/sandbox.ts';
import { keygen, makeSshKey, type SshKey } from '../../harness/ssh-keys.ts';
import { serverUser } from '../../harness/server-user.ts';
import { inTurn } from '../../harness/share.ts';
import { startSshd, type Sshd } from '../../harness/sshd.ts';
import { anotherCluster, segmentNamed } from '../../harness/wal-files.ts';
import { expectNotRestored, expectRefusal, quick, restored, store } from './expect-refusal.ts';
import { fakeReceiver } from './fake-receiver.ts';
import { fingerprint } from './locked-node.ts';
import { anotherSegment as name, sshNode, urlOf } from './ssh-node.ts';

let sandbox: Sandbox;
let sshd: Sshd;
let otherKey: SshKey;

beforeAll(async () => {
  sandbox = makeSandbox('refusals');
  sshd = await startSshd(sandbox);
  otherKey = await makeSshKey(sandbox, 'other_key');
});

afterAll(async () => {
  await sshd.stop();
  await sandbox.dispose();
});

const limits = { timeout: 120_000 };
/** The SHA256:… of the host's key. */
const hostFingerprint = (): Promise<string> => fingerprint(`${sandbox.path}/sshd/host_ed25519.pub`);
const host = (): string => `[127.0.0.1]:${sshd.port}`;
const makeLine = `The line for authorized_keys of ${serverUser().name} over there is made there: twowarm receive --directory DIR --authorized-keys-line KEY.pub`;
const compare =
  'Compare the fingerprint first, on 127.0.0.1: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub.';
const record = (file: string): string =>
  `record it, as ${sshd.user}: ssh-keyscan -t ed25519 -p ${sshd.port} 127.0.0.1 >> ${file}\n`;

describe('a host key', limits, () => {
  it('that is not known is refused, and recorded by the command of the hint', async () => {
    await using node = await sshNode('unknown-key', sshd);
    const file = node.sandbox.file('known_hosts', '');
    node.use({ ...quick, knownHosts: file });
    await expectRefusal(
      node,
      60,
      `could not verify the host key of ${host()}: it is not in known_hosts\n` +
        `DETAIL:  The server shows the ED25519 key ${await hostFingerprint()}.\n` +
        `HINT:  ${compare} Then ${record(file)}`,
    );
    // The command of the hint, as a person would run it.
    const scan = `ssh-keyscan -t ed25519 -p ${sshd.port} 127.0.0.1 >> ${file}`;
    expect((await run('/bin/sh', ['-c', scan])).code).toBe(0);
    expect(await store(node)).toEqual(silent([`created far/${name}`]));
  });

  it('that has changed is refused, with the line of the old one', async () => {
    await using node = await sshNode('changed-key', sshd);
    const file = node.sandbox.file('known_hosts', `${host()} ${otherKey.publicLine}\n`);
    node.use({ ...quick, knownHosts: file });
    await expectRefusal(
      node,
      60,
      `could not verify the host key of ${host()}: known_hosts has another one\n` +
        `DETAIL:  The server shows the ED25519 key ${await hostFingerprint()}. Line 1 of ${file} has the ED25519 key ${await fingerprint(`${otherKey.path}.pub`)}. ` +
        'Either the server has a new key or somebody else answers.\n' +
        `HINT:  ${compare} Only if it is the server's, remove line 1 of ${file} and ${record(file)}`,
    );
  });

  it('that is revoked is refused, also where it is recorded', async () => {
    await using node = await sshNode('revoked-key', sshd);
    const line = `${host()} ${sshd.hostKeys()[0]}\n`;
    const file = node.sandbox.file('known_hosts', `${line}@revoked ${line}`);
    node.use({ ...quick, knownHosts: file });
    await expectRefusal(
      node,
      60,
      `cannot trust the host key of ${host()}: it is revoked\n` +
        `DETAIL:  The server shows the ED25519 key ${await hostFingerprint()}. Line 2 of ${file} revokes it.\n` +
        'HINT:  Somebody else may hold this key. Find out who answers as 127.0.0.1, and give the server a new host key.\n',
    );
  });
});

describe('a login', limits, () => {
  it('with a key that the far side does not know is refused', async () => {
    await using node = await sshNode('refused-login', sshd);
    const { path } = await makeSshKey(node.sandbox, 'unknown_key');
    node.use({ ...quick, identityFiles: [path] });
    await expectRefusal(
      node,
      67,
      `could not open ${node.url}: the far side refused the login of ${sshd.user}\n` +
        `DETAIL:  It was offered the key ${path} (${await fingerprint(`${path}.pub`)}).\n` +
        `HINT:  Try, as ${sshd.user}: ssh -i ${path} -o IdentitiesOnly=yes -p ${sshd.port} ${sshd.user}@127.0.0.1. ${makeLine}\n`,
    );
  });

  it('with several keys that the far side does not know names each of them', async () => {
    await using node = await sshNode('refused-logins', sshd);
    const ed25519 = await makeSshKey(node.sandbox, 'unknown_key');
    const rsa = node.path('old_key');
    await keygen(['-q', '-t', 'rsa', '-b', '2048', '-m', 'PEM', '-N', '', '-f', rsa]);
    node.use({ ...quick, identityFiles: [ed25519.path, rsa] });
    const offered = [ed25519.path, rsa].map(
      async (path) => `the key ${path} (${await fingerprint(`${path}.pub`)})`,
    );
    await expectRefusal(
      node,
      67,
      `could not open ${node.url}: the far side refused the login of ${sshd.user}\n` +
        `DETAIL:  It was offered ${(await Promise.all(offered)).join(', and ')}.\n` +
        `HINT:  Try, as ${sshd.user}: ssh -i ${ed25519.path} -i ${rsa} -o IdentitiesOnly=yes -p ${sshd.port} ${sshd.user}@127.0.0.1. ${makeLine}\n`,
    );
  });

  it('with a key that belongs to root is not tried, and the hint says whose it is', async () => {
    await using node = await sshNode('root-key', sshd);
    const path = node.sandbox.file('root_key', 'secret', 0o600);
    chownSync(path, 0, 0);
    node.use({ ...quick, identityFiles: [path] });
    await expectRefusal(
      node,
      21,
      `could not read the key ${path}: Permission denied\n` +
        `HINT:  It belongs to root and has mode 0600; ${sshd.user} must be able to read it: as root: chown ${sshd.user} ${path}\n`,
    );
  });

  it('with a key that is missing is not tried, and the hint makes one', async () => {
    await using node = await sshNode('no-key', sshd);
    const path = node.path('id_ed25519');
    node.use({ ...quick, identityFiles: [path] });
    const make = `ssh-keygen -t ed25519 -N '' -f ${path}`;
    await expectRefusal(
      node,
      61,
      `could not read the key ${path}: it does not exist\n` +
        `HINT:  Make one as ${sshd.user}, and let its public part in on the server: ${make}\n`,
    );
    expect((await run('/bin/sh', ['-c', make])).code).toBe(0);
    sshd.addKey(await keygen(['-yf', path]).then((line) => line.trim()));
    expect(await store(node)).toEqual(silent([`created far/${name}`]));
  });
});

describe('a place', limits, () => {
  it('whose host nobody knows is not reached', async () => {
    await using node = await sshNode('unknown-host', sshd);
    const url = node.url.replace('127.0.0.1', 'nowhere.invalid');
    node.use({ ...quick, url });
    await expectRefusal(
      node,
      66,
      `could not open ${url}: Name or service not known\n` +
        'HINT:  Check the host in the URL, and whether this machine finds it: getent hosts nowhere.invalid\n',
    );
  });

  it('where nothing listens is not reached', async () => {
    await using node = await sshNode('refused-connection', sshd);
    const port = await freePort();
    const url = urlOf(sshd, node.far, port);
    node.use({ ...quick, url });
    await expectRefusal(
      node,
      66,
      `could not open ${url}: Connection refused\n` +
        `HINT:  Check that sshd runs on 127.0.0.1 and listens on port ${port}.\n`,
    );
  });

  it('without twowarm says where to set its path', async () => {
    await using node = await sshNode('no-receiver', sshd);
    node.use({ ...quick, receiver: '/nonexistent/twowarm' });
    const shellSays = (await run('ssh', [...sshd.clientOptions, '127.0.0.1', '/nonexistent/twowarm'])).stderr;
    expect(shellSays).toContain('/nonexistent/twowarm');
    const install = 'HINT:  Install twowarm there, and set ssh.receiver to the path of its bin/twowarm.';
    const said =
      `could not open ${node.url}: the far side has no receiver\n` +
      `DETAIL:  The far side says: ${shellSays.trim()}.`;
    node.segment(name);
    expect(await store(node)).toEqual(
      refused(
        62,
        `archiveWALFile: ERROR:  could not store ${name}: ${said} Files could go by SFTP, but that is not-durable: a file that counts as stored may be lost in a power failure of the far side.\n` +
          `${install} Or let files go there by SFTP: accept = ['not-durable'] in the section of this destination, or policy = 'best-effort'.\n`,
      ),
    );
    await expectNotRestored(
      node,
      `${said} Files cannot go by SFTP either: the far side offers no SFTP: Unable to start subsystem: sftp.\n${install}\n`,
    );
  });

  it('whose receiver is of another version says which side to update', async () => {
    await using node = await sshNode('other-version', sshd);
    const message = 'the receiver speaks version 3 to 4 of the protocol, not 1 to 1';
    const hint = 'Update twowarm on the other machine.';
    const refusal = { reply: 'version', kind: 'protocol-version', message, hint, colour: 'blue' };
    const receiver = fakeReceiver(node.sandbox, { hello: [{ message: refusal }] });
    node.use({ ...quick, receiver });
    await expectRefusal(node, 63, `could not open ${node.url}: ${message}\nHINT:  ${hint}\n`);
  });

  it('that answers with anything else is no receiver', async () => {
    await using node = await sshNode('no-protocol', sshd);
    const noise = 'head -c 20000 /dev/zero; cat >/dev/null';
    node.use({ ...quick, receiver: node.sandbox.file('noise', `#!/bin/sh\n${noise}\n`, 0o700) });
    const what = 'what answers on the far side is no receiver of twowarm';
    await expectRefusal(node, 62, `could not open ${node.url}: ${what}\n`);
  });
});

describe('a directory over there', limits, () => {
  it('that is missing is not made, and is not an empty archive', async () => {
    await using node = await sshNode('missing', sshd);
    const url = urlOf(sshd, node.path('gone'));
    node.use({ ...quick, url });
    await expectRefusal(
      node,
      20,
      `could not open ${url}: the archive directory ${node.path('gone')} does not exist\n` +
        `DETAIL:  That is on ${hostname()}, where the receiver runs as ${sshd.user}.\n` +
        `HINT:  If it is a mount, mount it there. No program creates it: over there, as ${sshd.user}, mkdir -m 700 ${node.path('gone')}\n`,
    );
  });

  it('that belongs to somebody else says to whom, and which mode it has', async () => {
    await using node = await sshNode('of-root', sshd);
    chownSync(node.far, 0, 0);
    await expectRefusal(
      node,
      21,
      `could not open ${node.url}: could not read ${node.far}/.twowarm/format: Permission denied\n` +
        `DETAIL:  On ${hostname()} the receiver runs as ${sshd.user}; ${node.far} belongs to root and has mode 0700.\n` +
        `HINT:  Over there, as root: chown ${sshd.user} ${node.far}\n`,
    );
  });

  it('that lies where the receiver may not pass says where that is', async () => {
    await using node = await sshNode('barred', sshd);
    const [barred, far] = [node.sandbox.directory('barred'), node.sandbox.directory('barred/far')];
    chownSync(barred, 0, 0);
    const url = urlOf(sshd, far);
    node.use({ ...quick, url });
    await expectRefusal(
      node,
      21,
      `could not open ${url}: could not open the archive directory ${far}: Permission denied\n` +
        `DETAIL:  On ${hostname()} the receiver runs as ${sshd.user}; ${barred} belongs to root and has mode 0700.\n` +
        `HINT:  Let ${sshd.user} pass ${barred} over there, or choose another directory.\n`,
    );
  });

  it('that nobody may write to, before it is an archive, says what to do', async () => {
    await using node = await sshNode('read-only-mode', sshd);
    node.segment(name);
    const far = node.sandbox.directory('new');
    const url = urlOf(sshd, far);
    node.use({ ...quick, url });
    chmodSync(far, 0o500);
    const message =
      `archiveWALFile: ERROR:  could not store ${name}: could not open ${url}: could not create the directory ${far}/.twowarm: Permission denied\n` +
      `DETAIL:  On ${hostname()} the receiver runs as ${sshd.user}; ${far} belongs to ${sshd.user} and has mode 0500.\n` +
      `HINT:  Over there, as ${sshd.user}: chmod u+rwx ${far}\n`;
    expect(await store(node)).toEqual(refused(21, message));
  });

  it('that is the archive of another cluster is refused', async () => {
    await using node = await sshNode('ours', sshd);
    await using foreign = await sshNode('foreign', sshd, { systemIdentifier: anotherCluster, used: false });
    foreign.use({ ...quick, url: node.url });
    const segment = foreign.segment(segmentNamed(1), { systemIdentifier: anotherCluster });
    const said =
      `could not open ${node.url}: the archive ${node.far} belongs to another cluster\n` +
      'DETAIL:  It holds WAL of system identifier 7311222333444555666; this cluster is 7399999999999999999.\n' +
      'HINT:  Give each cluster an archive directory of its own.\n';
    const { code, stderr } = await store(foreign, segment);
    expect({ code, stderr }).toEqual({
      code: 13,
      stderr: `archiveWALFile: ERROR:  could not store ${segment}: ${said}`,
    });
    await expectNotRestored(foreign, said);
  });

  it('that may not be written to is left as it is, and may be read', async () => {
    await using node = await sshNode('unwritable', sshd);
    node.segment(name);
    chmodSync(node.far, 0o500);
    expect(await store(node)).toEqual(
      refused(
        21,
        `archiveWALFile: ERROR:  could not store ${name} at ${node.url}: Permission denied\n` +
          `DETAIL:  On ${hostname()} the receiver runs as ${sshd.user}; ${node.far} belongs to ${sshd.user} and has mode 0500.\n` +
          `HINT:  Over there, as ${sshd.user}: chmod u+rwx ${node.far}\n`,
      ),
    );
    const outcome = await node.restore(segmentNamed(1), restored);
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    chmodSync(node.far, 0o700);
    expect(await store(node)).toMatchObject(silent([`created far/${name}`]));
  });
});

describe('a file system over there', limits, () => {
  const full = (url: string): string =>
    `archiveWALFile: ERROR:  could not store ${name} at ${url}: No space left on device\n` +
    'HINT:  PostgreSQL keeps the file and tries again. Make room there before pg_wal is full, too.\n';

  inTurn(2).each([
    ['too small for the segment', 'size=512k', 'size=8m'],
    // An archive is made of a few small files; a temporary file finds no inode any more.
    ['that has no inode left', 'size=8m,nr_inodes=8', 'nr_inodes=100'],
  ])('%s is told of, and the segment goes once there is room', async (_, options, more) => {
    await using node = await sshNode('full', sshd);
    const directory = node.sandbox.directory('full');
    using disk = mountTmpfs(directory, options);
    const url = urlOf(sshd, directory);
    node.use({ ...quick, url });
    node.segment(name);
    const first = await store(node);
    expect({ code: first.code, stderr: first.stderr }).toEqual({ code: 23, stderr: full(url) });
    const again = await store(node);
    expect(again).toEqual(refused(23, full(url)));
    disk.remount(more);
    const { changed, ...outcome } = await store(node);
    expect(outcome).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(changed).toContain(`created full/${name}`);
  });

  it('that is mounted read-only is told of', async () => {
    await using node = await sshNode('mounted-ro', sshd);
    const directory = node.sandbox.directory('mounted');
    using disk = mountTmpfs(directory, 'size=8m');
    const url = urlOf(sshd, directory);
    node.use({ ...quick, url });
    node.segment(name);
    expect(await store(node)).toMatchObject({ code: 0, stderr: '' });
    disk.remount('ro');
    const next = node.segment(segmentNamed(0x22));
    expect(await store(node, next)).toEqual(
      refused(22, `archiveWALFile: ERROR:  could not store ${next} at ${url}: Read-only file system\n`),
    );
    expect(await node.restore(name, restored)).toMatchObject({ code: 0, stderr: '' });
  });
});

describe('content', limits, () => {
  it('that differs is refused, and neither copy is touched; the same again is success', async () => {
    await using node = await sshNode('duplicate', sshd);
    node.segment(name);
    expect(await store(node)).toEqual(silent([`created far/${name}`]));
    expect(await store(node)).toEqual(silent());
    node.segment(name, { content: 0x22 });
    expect(await store(node)).toEqual(
      refused(
        14,
        `archiveWALFile: ERROR:  ${name} exists at ${node.url} with different content\n` +
          "DETAIL:  The archive's copy has 1048576 bytes, this one 1048576; their contents differ. Neither was touched.\n" +
          "HINT:  Two servers archive to one place, or a restored copy of the cluster does, or the archive's copy is damaged, or was archived by hand while PostgreSQL still wrote it. Find out which copy is right.\n",
      ),
    );
  });
});
