// What goes wrong on the road over rsync, each thing with a real daemon or a real OpenSSH server: told apart from "missing",
// in our words and with the far side's own; nothing is left behind.
import { chmodSync, chownSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDestination, openSource } from '../../../src/transport/open.ts';
import type { Identity } from '../../../src/transport/transport.ts';
import { freePort } from '../../harness/free-port.ts';
import { mountTmpfs } from '../../harness/mounts.ts';
import { processesIn } from '../../harness/processes.ts';
import { startRsyncd, type Rsyncd } from '../../harness/rsyncd.ts';
import { makeSandbox, type Sandbox } from '../../harness/sandbox.ts';
import { makeSshKey } from '../../harness/ssh-keys.ts';
import { startSshd, type Sshd } from '../../harness/sshd.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { faultOf, type Fault } from '../../program/fault.ts';
import { acceptAll, neverStopped, patterned, treeOf } from '../archives.ts';
import { bothLacks, openUsed, rsyncNode } from './scene.ts';

const segment = '000000010000000000000005';
const megabyte = 1024 * 1024;

/** What the module 'losing' has lost whenever somebody comes. */
const lost = [segment, `.twowarm/gaps/${segment}`];

let sandbox: Sandbox;
let daemon: Rsyncd;
let sshd: Sshd;

beforeAll(async () => {
  sandbox = makeSandbox('rsync-faults');
  sshd = await startSshd(sandbox, { configuration: ['KexAlgorithms curve25519-sha256'] });
  const path = `path = ${sandbox.directory('far')}`;
  const secrets = sandbox.file('secrets', 'joe:the password\n');
  const others = `path = ${sandbox.directory('far/racing')}`;
  const losing = `path = ${sandbox.directory('far/losing')}`;
  daemon = await startRsyncd(sandbox, {
    modules: {
      far: [path],
      'read-only': [path, 'read only = yes'],
      'write-only': [path, 'write only = yes'],
      closed: [path, 'hosts deny = *'],
      old: [path, 'refuse options = fsync compress'],
      'no-checksum': [path, 'refuse options = checksum'],
      gone: [`path = ${sandbox.path}/nowhere`],
      losing: [
        losing,
        `pre-xfer exec = rm -f ${lost.map((name) => `${sandbox.path}/far/losing/${name}`).join(' ')}`,
      ],
      secret: [path, 'auth users = joe', `secrets file = ${secrets}`],
      'after-look': [others, `post-xfer exec = ${racer('after-look', 2)}`],
      'after-send': [others, `post-xfer exec = ${racer('after-send', 3)}`],
    },
  });
});

afterAll(async () => {
  await daemon.stop();
  await sshd.stop();
  await sandbox.dispose();
});

/** A program of the daemon that lets another writer's file get the name when the n-th connection ends. */
function racer(name: string, nth: number): string {
  const other = sandbox.file(`${name}.other`, patterned(megabyte, 9));
  const count = sandbox.file(`${name}.count`, '');
  const target = `${sandbox.path}/far/racing/${segment}`;
  const script = `#!/bin/sh\nprintf x >> ${count}\n[ "$(cat ${count})" = ${'x'.repeat(nth)} ] && cp ${other} ${target}.new && mv ${target}.new ${target}\nexit 0\n`;
  return sandbox.file(`${name}.sh`, script, 0o755);
}

let made = 0;

/** A fresh archive's directory below the modules, and its name there. */
function archive(): { name: string; directory: string } {
  made += 1;
  const name = `archive-${made}`;
  return { name, directory: sandbox.directory(`far/${name}`) };
}

const node = (changes: object = {}): Identity => rsyncNode(sandbox, sshd, changes);
const source = (seed = 1): string => sandbox.file(`sources/${(made += 1)}`, patterned(megabyte, seed));
const overSsh = (directory: string, port = sshd.port): string =>
  `rsync+ssh://${sshd.user}@127.0.0.1:${port}${directory}`;

const openFault = (url: string, by = node()): Promise<Fault> => faultOf(() => openSource(url, by));
const said = (fault: Fault, url: string): Fault => ({
  ...fault,
  message: fault.message.replace(url, 'URL'),
  ...(fault.detail !== undefined && { detail: fault.detail.replaceAll(sandbox.path, 'SANDBOX') }),
});

/** Ours: rsync of root uses no file of anybody else. */
function passwordFile(password: string): string {
  const path = sandbox.file(`passwords/${password}`, `${password}\n`);
  chownSync(path, process.getuid!(), process.getgid!());
  return path;
}

describe('a daemon', () => {
  it('without the module is no empty archive', async () => {
    const url = `${daemon.url}/archives/main`;
    expect(said(await openFault(url), url)).toEqual({
      kind: 'directory-missing',
      message: 'could not open URL: the far side has no such module',
      detail:
        "rsync says: @ERROR: Unknown module 'archives'; rsync error: error starting client-server protocol (code 5)",
      hint: `The modules there that are listed: rsync ${daemon.url}/`,
    });
  });

  it('whose module has no directory is no empty archive', async () => {
    const url = `${daemon.url}/gone`;
    const fault = said(await openFault(url), url);
    expect(fault.kind).toBe('directory-missing');
    expect(fault.message).toBe('could not open URL: the directory of the module does not exist');
  });

  it('without the directory is no empty archive, and nothing makes it', async () => {
    const url = `${daemon.url}/far/nowhere`;
    const expected: Fault = {
      kind: 'directory-missing',
      message: 'could not open URL: the archive directory does not exist',
      detail:
        'rsync says: rsync: [sender] change_dir "nowhere" (in far) failed: No such file or directory (2); rsync error: some files/attrs were not transferred (see previous errors) (code 23); rsync: [Receiver] read error: Connection reset by peer (104)',
      hint: 'If it is a mount, mount it there. No program creates it: make a new one with mode 0700.',
    };
    const withoutNoise = (fault: Fault): Fault => ({
      ...fault,
      detail: fault.detail!.replace(/; rsync: \[Receiver\] read error.*/, ''),
    });
    const found = withoutNoise(said(await openFault(url), url));
    expect(found).toEqual(withoutNoise(expected));
    expect((await faultOf(() => openDestination(url, node(), bothLacks))).kind).toBe('directory-missing');
    expect(readdirSync(`${sandbox.path}/far`)).not.toContain('nowhere');
  });

  it('that lets nobody in, and one that is not there, are told apart', async () => {
    const closed = await openFault(`${daemon.url}/closed/x`);
    expect([closed.kind, closed.hint]).toEqual([
      'not-allowed',
      "Let it in: hosts allow in the module's section of rsyncd.conf.",
    ]);
    const port = await freePort();
    const refused = await openFault(`rsync://127.0.0.1:${port}/far/x`);
    expect([refused.kind, refused.message, refused.hint]).toEqual([
      'unreachable',
      `could not open rsync://127.0.0.1:${port}/far/x: Connection refused`,
      `Check that the rsync daemon runs on 127.0.0.1 and listens on port ${port}.`,
    ]);
  });

  it('that lets in by a password gets it from a file that nobody else may read', async () => {
    const { name, directory } = archive();
    const url = `rsync://joe@127.0.0.1:${daemon.port}/secret/${name}`;
    const right = { ...node(), rsync: { passwordFile: passwordFile('the password') } };
    const road = await openUsed(url, directory, right);
    expect(await road.put(segment, source(), acceptAll, neverStopped)).toBe('stored');
    const wrong = { ...node(), rsync: { passwordFile: passwordFile('another') } };
    for (const by of [wrong, node()])
      expect(await openFault(url, by)).toMatchObject({
        kind: 'login-refused',
        message: `could not open ${url}: the far side refused the login`,
        hint: 'The user is the one in the URL, the password the line in the file that rsync.password_file names.',
      });
    chmodSync(right.rsync.passwordFile, 0o640);
    expect(await openFault(url, right)).toEqual({
      kind: 'settings',
      message: `will not use the password file ${right.rsync.passwordFile}: others may read it`,
      detail: 'It is rsync.password_file; its mode is 0640.',
      hint: `chmod 600 '${right.rsync.passwordFile}'`,
    });
  });

  it.each([
    ['read-only', "read only = no in the module's section of rsyncd.conf", 'To let files in'],
    [
      'write-only',
      "write only = no in the module's section of rsyncd.conf",
      'What is stored is compared afterwards',
    ],
  ])('whose module is %s says what to change', async (module, line, why) => {
    const { name, directory } = archive();
    const url = `${daemon.url}/${module}/${name}`;
    const attempt = async (): Promise<unknown> => {
      const road = await openUsed(url, directory, node());
      return road.put(segment, source(), acceptAll, neverStopped);
    };
    const { kind, message, hint } = await faultOf(attempt);
    expect({ kind, hint }).toEqual({ kind: 'not-allowed', hint: `${why}: ${line}.` });
    expect(message).toMatch(
      /^could not (open|store 000000010000000000000005 at) rsync:\S+: the module is (read|write) only$/,
    );
    expect(readdirSync(directory)).toEqual(['.twowarm']);
  });

  it('that refuses what is only good to have gets the file without; what is needed it has to allow', async () => {
    const { name, directory } = archive();
    const road = await openUsed(`${daemon.url}/old/${name}`, directory, node());
    expect(await road.put(segment, source(), acceptAll, neverStopped)).toBe('stored');
    expect(await road.put(segment, source(), acceptAll, neverStopped)).toBe('already-stored');
    const needed = await openDestination(`${daemon.url}/no-checksum/${name}`, node(), bothLacks);
    expect(await faultOf(() => needed.put(segment, source(), acceptAll, neverStopped))).toMatchObject({
      kind: 'not-allowed',
      hint: "It is named in refuse options, in the module's section of rsyncd.conf.",
    });
  });

  it('whose disk is full stores nothing under the name, and says so', async () => {
    const { name, directory } = archive();
    using disk = mountTmpfs(directory, 'size=512k');
    const road = await openUsed(`${daemon.url}/far/${name}`, directory, node());
    const before = treeOf(directory);
    const { kind, message, hint } = await faultOf(() => road.put(segment, source(), acceptAll, neverStopped));
    expect({ kind, message, hint }).toEqual({
      kind: 'no-space',
      message: `could not store ${segment} at ${road.url}: No space left on device`,
      hint: 'PostgreSQL keeps the file and tries again. Make room there before pg_wal is full, too.',
    });
    expect(treeOf(directory)).toEqual(before);
    disk.remount('size=8m');
    expect(await road.put(segment, source(), acceptAll, neverStopped)).toBe('stored');
  });

  it('that loses what it has taken has stored nothing', async () => {
    const road = await openDestination(`${daemon.url}/losing`, node(), bothLacks);
    const gap = { name: segment, reason: 'discarded', at: '2026-01-01T00:00:00.000Z', node: 'db1' } as const;
    for (const [verb, what] of [
      [() => road.put(segment, source(), acceptAll, neverStopped), 'store'],
      [() => road.recordGap(gap, neverStopped), 'record the gap'],
    ] as const)
      expect(await faultOf(verb)).toMatchObject({
        kind: 'input-output',
        message: `could not ${what} ${segment} at ${road.url}: it is not there after it was sent`,
      });
  });

  it('that may not read a file does not call it missing', async () => {
    const { name, directory } = archive();
    const road = await openUsed(`${daemon.url}/far/${name}`, directory, node());
    await road.put(segment, source(), acceptAll, neverStopped);
    chmodSync(join(directory, segment), 0);
    const target = join(sandbox.directory('room'), 'fetched');
    expect(await road.stat(segment, neverStopped)).toEqual({ sizeBytes: megabyte });
    for (const ask of [
      () => road.get(segment, target, acceptAll, neverStopped),
      () => road.put(segment, source(), acceptAll, neverStopped),
    ])
      expect(await faultOf(ask)).toMatchObject({
        kind: 'permission-denied',
        hint: "The module's uid in rsyncd.conf must be able to read and write there.",
      });
    expect(readdirSync(sandbox.directory('room'))).toEqual([]);
  });

  it('that hangs ends with the limit, and leaves no process and no file', async () => {
    const { name, directory } = archive();
    const by = node({ idleLimitMs: 1000, connectLimitMs: 1000 });
    const road = await openUsed(`${daemon.url}/far/${name}`, directory, by);
    daemon.pause();
    try {
      const { kind, message } = await faultOf(() => road.list(neverStopped));
      expect({ kind, message }).toEqual({
        kind: 'timed-out',
        message: `could not list ${road.url}: the far side was silent for too long`,
      });
      expect(await stopped(road.url)).toBe('stopped by SIGTERM');
    } finally {
      daemon.resume();
    }
    expect(clientsOf(daemon.url)).toEqual([]);
    expect(readdirSync(by.stateDirectory)).not.toContain('rsync');
    expect(await road.list(neverStopped)).toEqual([]);
  });
});

/** Living processes of rsync that name the place. */
const clientsOf = (url: string): string[] =>
  processesIn(url)
    .map(({ command }) => command)
    .filter((command) => command.startsWith('rsync'));

/** A call that is told to stop while the far side hangs. */
async function stopped(url: string): Promise<string> {
  const controller = new AbortController();
  const opening = openSource(url, node(), controller.signal);
  const ended = opening.then(
    () => 'opened',
    (error: unknown) => (error as Error).message,
  );
  await waitFor('rsync to wait', () => clientsOf(url).length > 0);
  controller.abort(new Error('stopped by SIGTERM'));
  return ended;
}

describe('two writers at once', () => {
  it.each([
    ['after-look', 'right before the file is sent', 'Neither was touched.'],
    [
      'after-send',
      'when it has just got its name',
      'Both were stored at the same moment, and the one of the other writer is there now.',
    ],
  ])('%s: another content that comes %s is never called stored', async (module, _, outcome) => {
    const directory = `${sandbox.path}/far/racing`;
    rmSync(join(directory, segment), { force: true });
    const by = node();
    await (await openDestination(`file:${directory}`, by)).close();
    const road = await openDestination(`${daemon.url}/${module}`, by, bothLacks);
    expect(await faultOf(() => road.put(segment, source(), acceptAll, neverStopped))).toMatchObject({
      kind: 'archive-duplicate',
      message: `${segment} exists at ${road.url} with different content`,
      detail: `The archive's copy has ${megabyte} bytes, this one ${megabyte}; they differ from byte 0 on. ${outcome}`,
    });
    expect(readFileSync(join(directory, segment)).equals(patterned(megabyte, 9))).toBe(true);
  });
});

describe('ssh', () => {
  it('that does not know the host key makes no connection', async () => {
    const { directory } = archive();
    const stranger = sandbox.file('strangers', '');
    const url = overSsh(directory);
    const { kind, message, detail, hint } = await openFault(url, node({ knownHosts: [stranger] }));
    expect({ kind, message, hint }).toEqual({
      kind: 'host-key',
      message: `could not open ${url}: the host key of the far side is not known, or has changed`,
      hint: `If it is right: ssh-keyscan -p ${sshd.port} 127.0.0.1, compare it there, and add it to known_hosts.`,
    });
    expect(detail).toContain('Host key verification failed.');
  });

  it('that may not log in says how to try', async () => {
    const { directory } = archive();
    const { path } = await makeSshKey(sandbox, 'a stranger\'s "key"');
    const url = overSsh(directory);
    const { kind, message, hint } = await openFault(url, node({ identityFiles: [path] }));
    expect({ kind, message, hint }).toEqual({
      kind: 'login-refused',
      message: `could not open ${url}: the far side refused the login`,
      hint: `Try, as the owner of the data directory: ssh -p ${sshd.port} ${sshd.user}@127.0.0.1`,
    });
  });

  it('takes a key and a known_hosts whose paths need quotes and percent signs', async () => {
    const { directory } = archive();
    const key = await makeSshKey(sandbox, `it's "my" key %h`);
    sshd.addKey(key.publicLine);
    const known = sandbox.file(`known "hosts" of %u's`, readFileSync(sshd.knownHosts));
    const by = node({ identityFiles: [key.path], knownHosts: [known] });
    const road = await openUsed(overSsh(directory), directory, by);
    expect(await road.list(neverStopped)).toEqual([]);
  });

  it('to a host without rsync, and to a port where nobody listens, are told apart', async () => {
    const { directory } = archive();
    const key = await makeSshKey(sandbox, 'forced');
    sshd.addKey(key.publicLine, 'restrict,command="exec /opt/no/rsync"');
    const url = overSsh(directory);
    expect(await openFault(url, node({ identityFiles: [key.path] }))).toMatchObject({
      kind: 'program-missing',
      message: `could not open ${url}: the far side has no rsync`,
      hint: 'Install it there: apt-get install rsync, or dnf install rsync.',
    });
    const port = await freePort();
    expect(await openFault(overSsh(directory, port))).toMatchObject({
      kind: 'unreachable',
      hint: `Check that sshd runs on 127.0.0.1 and listens on port ${port}.`,
    });
  });

  it('to a far side that hangs ends with the limit, and leaves no process', async () => {
    const { directory } = archive();
    const url = overSsh(directory);
    const road = await openUsed(url, directory, node({ idleLimitMs: 1000, connectLimitMs: 1000 }));
    sshd.pause();
    try {
      const { kind } = await faultOf(() => road.list(neverStopped));
      expect(['timed-out', 'unreachable', 'connection-lost']).toContain(kind);
      expect(clientsOf(`127.0.0.1:${directory}`)).toEqual([]);
    } finally {
      sshd.resume();
    }
    expect(await road.list(neverStopped)).toEqual([]);
  });
});
