// Which way leads to SFTP: its own URL, and that of a receiver that the shell over there does not find. A receiver that is
// there, and a key that may run nothing else, never lead there; nor does a server that cannot do what a writer needs.
import { chmodSync, readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mayLackAt } from '../../../src/transport/lacks.ts';
import { openDestination, openSource } from '../../../src/transport/open.ts';
import type { Identity } from '../../../src/transport/transport.ts';
import { makeSandbox, type Sandbox } from '../../harness/sandbox.ts';
import { makeSshKey } from '../../harness/ssh-keys.ts';
import { faultOf } from '../../program/fault.ts';
import { acceptAll, neverStopped, patterned, treeOf } from '../archives.ts';
import { noReceiver, sftpScene, withSftp, type SftpScene } from './scene.ts';

let sandbox: Sandbox;
let scene: SftpScene;

beforeAll(async () => {
  sandbox = makeSandbox('fall-back');
  scene = await sftpScene(sandbox);
});

afterAll(async () => {
  await scene[Symbol.asyncDispose]();
  await sandbox.dispose();
});

let directories = 0;
const freshDirectory = (): string => sandbox.directory(`archives/${(directories += 1)}`);
const sshUrlOf = (directory: string): string => scene.urlOf(directory).replace('sftp:', 'ssh:');
const accepting = { mayLack: ['not-durable' as const] };
const segment = '000000010000000000000005';

async function storeBy(url: string, node: Identity): Promise<string> {
  const road = await openDestination(url, node, accepting);
  try {
    return await road.put(segment, sandbox.file('source', patterned(100_000, 1)), acceptAll, neverStopped);
  } finally {
    await road.close();
  }
}

/** A program over there in the place of the receiver. */
function receiverThat(script: string): string {
  const path = sandbox.file(`receivers/${(directories += 1)}`, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  return path;
}

describe('SFTP takes the place of a receiver', () => {
  it('that is not there, on the same login, and says so', async () => {
    const directory = freshDirectory();
    const logins = (): number => scene.sshd.logText().split('Accepted publickey').length;
    const before = logins();
    const node = scene.node();
    const road = await openDestination(sshUrlOf(directory), node, accepting);
    expect({ promises: road.promises, way: road.way }).toEqual({
      promises: { exclusive: true, durable: false },
      way: {
        words: 'There is no receiver of twowarm over there, so files go by SFTP.',
        cure: 'Install twowarm there, and set ssh.receiver to the path of its bin/twowarm.',
      },
    });
    const again = await openDestination(sshUrlOf(directory), node, accepting);
    await again.close();
    await road.close();
    expect(logins() - before).toBe(1);
    expect(await storeBy(sshUrlOf(directory), scene.node())).toBe('stored');
    expect(readdirSync(directory).sort()).toEqual([segment, '.twowarm'].sort());
  });

  it('of a source, whatever the configuration accepts', async () => {
    const directory = freshDirectory();
    const node = scene.node();
    await storeBy(scene.urlOf(directory), node);
    const source = await openSource(sshUrlOf(directory), node);
    expect(await source.list(neverStopped)).toEqual([segment]);
    await source.close();
  });

  it('also under a shell that speaks another language', async () => {
    const receiver = 'LANG=de_DE.UTF-8 /nowhere/bin/twowarm';
    expect(await storeBy(sshUrlOf(freshDirectory()), scene.node({ receiver }))).toBe('stored');
  });

  it('not where the policy rests on durability: both cures are named', async () => {
    const url = sshUrlOf(freshDirectory());
    const fault = await faultOf(() => openDestination(url, scene.node()));
    expect(fault).toMatchObject({
      kind: 'protocol',
      message: `could not open ${url}: the far side has no receiver`,
      hint: "Install twowarm there, and set ssh.receiver to the path of its bin/twowarm. Or let files go there by SFTP: accept = ['not-durable'] in the section of this destination, or policy = 'best-effort'.",
    });
    expect(fault.detail).toContain(noReceiver);
    const byUrl = scene.urlOf(freshDirectory());
    expect(await faultOf(() => openDestination(byUrl, scene.node()))).toEqual({
      kind: 'promise-lacking',
      message: `cannot rely on ${byUrl}: the road there is not-durable`,
      detail: 'not-durable: a file that counts as stored may be lost in a power failure of the far side.',
      hint: "To do without: accept = ['not-durable'] in its section, or policy = 'best-effort'.",
    });
  });

  it.each([
    ['ends with another code', 'exit 3'],
    ['ends as a shell does that does not find a program', 'exit 127'],
    ['says that a library is missing', 'echo "node: error while loading shared libraries" >&2; exit 127'],
    ['cannot start what it needs', 'exec /nowhere/node'],
    ['is of another program', 'echo hello; sleep 0.1'],
  ])('never of one that is there and %s', async (_, script) => {
    const directory = freshDirectory();
    const node = scene.node({ receiver: receiverThat(script) });
    const fault = await faultOf(() => openDestination(sshUrlOf(directory), node, accepting));
    expect(['protocol', 'connection-lost']).toContain(fault.kind);
    expect(treeOf(directory)).toEqual([]);
  });

  it('never of one that has begun: it is told as what it is, and the login ends', async () => {
    const text = JSON.stringify({
      reply: 'welcome',
      version: 1,
      receiver: '9',
      vacant: true,
      may_read: true,
    });
    const header = `\\001\\000\\000\\000\\001\\000\\000\\000\\${text.length.toString(8)}`;
    const greeting = `printf '\\000twowarm receiver\\n${header}%s' '${text}'`;
    await using alone = await sftpScene(sandbox, { ...withSftp(), name: 'begun' });
    const node = alone.node({ receiver: receiverThat(`${greeting}; head -c 200 >/dev/null; exit 127`) });
    const url = alone.urlOf(freshDirectory()).replace('sftp:', 'ssh:');
    const road = await openDestination(url, node, accepting);
    const fault = await faultOf(() => road.ownership(neverStopped));
    expect(fault.message).toMatch(/: the receiver ended with exit code 127$/);
    await expect.poll(() => alone.sshd.logText(), { timeout: 5000 }).toContain('Disconnected from user');
    await road.close();
  });

  it('never with a key that may run one command', async () => {
    const directory = freshDirectory();
    const key = await makeSshKey(sandbox, 'locked_key');
    scene.sshd.addKey(key.publicLine, 'restrict,command="/gone/receiver"');
    const node = scene.node({ identityFiles: [key.path] });
    const fault = await faultOf(() => openDestination(sshUrlOf(directory), node, accepting));
    expect(fault).toMatchObject({
      kind: 'protocol',
      message: `could not open ${sshUrlOf(directory)}: the far side has no receiver`,
    });
    expect(treeOf(directory)).toEqual([]);
  });
});

describe('a server by SFTP', () => {
  it.each([
    ['hardlink', 'hardlink@openssh.com', 'give a file its name without ever replacing another'],
    ['fsync', 'fsync@openssh.com', 'make a file durable'],
  ])('without %s is refused by name, and may be read', async (request, extension, purpose) => {
    await using limited = await sftpScene(sandbox, { ...withSftp(`-P ${request}`), name: `no-${request}` });
    const directory = freshDirectory();
    const url = limited.urlOf(directory);
    expect(await faultOf(() => openDestination(url, limited.node(), accepting))).toEqual({
      kind: 'protocol',
      message: `could not open ${url}: the SFTP server there has no ${extension}`,
      detail: `Without it nothing can ${purpose}.`,
      hint: "Use OpenSSH's SFTP server (6.5 or newer) over there, without a list that denies this request; or install twowarm there.",
    });
    expect(treeOf(directory)).toEqual([]);
    const source = await openSource(url, limited.node());
    expect(await source.list(neverStopped)).toEqual([]);
    await source.close();
  });

  it('that may not write says so, and nothing is there', async () => {
    await using limited = await sftpScene(sandbox, { ...withSftp('-R'), name: 'read-only' });
    const directory = freshDirectory();
    const url = limited.urlOf(directory);
    const fault = await faultOf(() => openDestination(url, limited.node(), accepting));
    expect(fault.kind).toBe('protocol');
    expect(treeOf(directory)).toEqual([]);
  });

  it('is allowed what its place is allowed as a destination', () => {
    const [file, far] = ['file:/a', 'sftp://u@h/a'];
    const destination = { url: far, mayLack: ['not-durable'] } as never;
    expect(mayLackAt('ssh://u@h:22/a', [destination])).toEqual(['not-durable']);
    expect(mayLackAt(file, [destination])).toEqual([]);
  });
});
