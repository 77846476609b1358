// Roads over jump hosts: real OpenSSH servers one behind the other on loopback, each with its own keys.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openDestination } from '../../../../src/transport/open.ts';
import { closeConnections } from '../../../../src/transport/ssh/leases.ts';
import type { Transport } from '../../../../src/transport/transport.ts';
import { freePort } from '../../../harness/free-port.ts';
import { makeSandbox, type Sandbox } from '../../../harness/sandbox.ts';
import { startSshd, type Sshd } from '../../../harness/sshd.ts';
import { run } from '../../../harness/run.ts';
import { waitFor } from '../../../harness/wait-for.ts';
import { faultOf } from '../../../program/fault.ts';
import { fingerprint } from '../locked-node.ts';
import { sshScene, type SshScene } from '../scene.ts';

let sandbox: Sandbox;
let far: SshScene;
let hop: Sshd;
let second: Sshd;
let shut: Sshd;

beforeAll(async () => {
  sandbox = makeSandbox('jump');
  far = await sshScene(sandbox);
  hop = await startSshd(sandbox, { name: 'hop' });
  second = await startSshd(sandbox, { name: 'second' });
  shut = await startSshd(sandbox, { name: 'shut', configuration: ['AllowTcpForwarding no'] });
});

afterEach(() => closeConnections());

afterAll(async () => {
  for (const each of [far.sshd, hop, second, shut]) await each.stop();
  await sandbox.dispose();
});

const limits = { timeout: 60_000 };
const me = (): string => hop.user;

/** A section with all that a login there needs. */
const section = (name: string, sshd: Sshd, ...more: string[]): string[] => [
  `Host ${name}`,
  '  HostName 127.0.0.1',
  `  Port ${sshd.port}`,
  `  User ${sshd.user}`,
  `  IdentityFile ${sshd.clientKey}`,
  `  UserKnownHostsFile ${sshd.knownHosts}`,
  '  IdentityAgent none',
  ...more.map((line) => `  ${line}`),
];

/** Ours, whoever runs the test: what belongs to others is refused. */
function configOf(...lines: string[]): string {
  const path = join(sandbox.path, 'ssh_config');
  writeFileSync(path, `${lines.join('\n')}\n`, { mode: 0o600 });
  return path;
}

const url = (): string => `ssh://archive${far.directory}`;

function open(configFile: string, connectLimitMs = 20_000, signal?: AbortSignal): Promise<Transport> {
  const login = { configFile, identityFiles: undefined, knownHosts: undefined, connectLimitMs };
  return openDestination(url(), far.node(login), {}, signal);
}

const noneLeft = (...servers: Sshd[]): Promise<unknown> =>
  waitFor('every connection to end', () => servers.every((sshd) => sshd.connections().length === 0));

const never = new AbortController().signal;

/** Opens the road, asks for something over it, and gives it back. */
async function use(config: string): Promise<void> {
  const road = await open(config);
  expect(await road.list(never)).toEqual([]);
  await road.close();
  closeConnections();
}

describe('a road over jump hosts', limits, () => {
  it('leads over one, with its own login and its own known_hosts file, and leaves no connection behind', async () => {
    const [before, beforeFar] = [hop.logText().length, far.sshd.logText().length];
    await use(configOf(...section('archive', far.sshd, 'ProxyJump bastion'), ...section('bastion', hop)));
    expect(hop.logText().slice(before)).toMatch(/Accepted publickey/);
    expect(far.sshd.logText().slice(beforeFar)).toMatch(/Accepted publickey/);
    await noneLeft(hop, far.sshd);
  });

  it.each([
    ['that ProxyJump lists', 'ProxyJump first,last', []],
    ['of which the last one has a ProxyJump of its own', 'ProxyJump last', ['ProxyJump first']],
    ['written as URLs with their ports', 'ProxyJump ssh://first,ssh://last/', ['ProxyJump nowhere.invalid']],
  ])('leads over two %s', async (_, jump, own) => {
    const [before, beforeSecond] = [hop.logText().length, second.logText().length];
    const config = configOf(
      ...section('archive', far.sshd, jump),
      ...section('first', hop),
      ...section('last', second, ...own),
    );
    await use(config);
    expect(hop.logText().slice(before)).toMatch(/Accepted publickey/);
    expect(second.logText().slice(beforeSecond)).toMatch(/Accepted publickey/);
    await noneLeft(hop, second, far.sshd);
  });

  it('ends with its jump host, at once', async () => {
    const road = await open(
      configOf(...section('archive', far.sshd, 'ProxyJump bastion'), ...section('bastion', second)),
    );
    await second.restart();
    const { kind } = await faultOf(() => road.list(never));
    expect(kind).toBe('connection-lost');
    await road.close();
    await noneLeft(far.sshd);
  });
});

describe('a jump host', limits, () => {
  const by = (file: string, name: string, sshd: Sshd, line: number): string =>
    `By ssh_config ${name} is host 127.0.0.1 (line ${line} of ${file}), port ${sshd.port} (line ${line + 1} of ${file}), user ${me()} (line ${line + 2} of ${file}).`;
  const looked = (file: string, line: number): string =>
    `UserKnownHostsFile says where its key is looked up (line ${line} of ${file}).`;
  const onTheWay = (file: string): string =>
    `bastion is a jump host on the way to archive (line 8 of ${file}).`;
  const through = (sshd: Sshd): string =>
    `could not reach [127.0.0.1]:${far.sshd.port} through [127.0.0.1]:${sshd.port}`;

  it('that does not forward is told of, with what allows it', async () => {
    const file = configOf(...section('archive', far.sshd, 'ProxyJump bastion'), ...section('bastion', shut));
    expect(await faultOf(() => open(file))).toEqual({
      kind: 'unreachable',
      message: `could not open ${url()}: ${through(shut)}: the jump host does not allow it`,
      detail: `${by(file, 'archive', far.sshd, 2)} The way leads over jump hosts (line 8 of ${file}). ${looked(file, 6)}`,
      hint: `Allow it on 127.0.0.1: AllowTcpForwarding and PermitOpen in sshd_config, and no "restrict" or "no-port-forwarding" in authorized_keys of ${me()}.`,
    });
    await noneLeft(shut);
  });

  it('that cannot reach the next host says so', async () => {
    const port = await freePort();
    const lines = section('archive', far.sshd, 'ProxyJump bastion').map((line) =>
      line.replace(/Port \d+/, `Port ${port}`),
    );
    const file = configOf(...lines, ...section('bastion', hop));
    expect(await faultOf(() => open(file))).toMatchObject({
      kind: 'unreachable',
      message: `could not open ${url()}: could not reach [127.0.0.1]:${port} through [127.0.0.1]:${hop.port}: Connection refused`,
      hint: expect.stringMatching(
        /^Try, as .*: ssh -p \d+ \S+@127\.0\.0\.1 nc -vz 127\.0\.0\.1 \d+$/,
      ) as unknown,
    });
    await noneLeft(hop);
  });

  it('where nothing listens is told of by its name', async () => {
    const port = await freePort();
    const lines = section('bastion', hop).map((line) => line.replace(/Port \d+/, `Port ${port}`));
    const file = configOf(...section('archive', far.sshd, 'ProxyJump bastion'), ...lines);
    expect(await faultOf(() => open(file))).toEqual({
      kind: 'unreachable',
      message: `could not open ${url()}: could not reach [127.0.0.1]:${far.sshd.port} through [127.0.0.1]:${port}: Connection refused`,
      detail: `${by(file, 'bastion', { ...hop, port }, 10)} ${onTheWay(file)} ${looked(file, 14)}`,
      hint: `Check that sshd runs on 127.0.0.1 and listens on port ${port}.`,
    });
  });

  it('whose host key is not known is not trusted', async () => {
    const lines = section('bastion', hop).map((line) => line.replace(hop.knownHosts, far.sshd.knownHosts));
    const file = configOf(...section('archive', far.sshd, 'ProxyJump bastion'), ...lines);
    expect(await faultOf(() => open(file))).toMatchObject({
      kind: 'host-key',
      message: `could not verify the host key of [127.0.0.1]:${hop.port}: it is not in known_hosts`,
      detail: `The server shows the ED25519 key ${await fingerprint(`${sandbox.path}/hop/host_ed25519.pub`)}. ${by(file, 'bastion', hop, 10)} ${onTheWay(file)} ${looked(file, 14)}`,
    });
    await noneLeft(hop);
  });

  it('does not vouch for the host behind it: that key is recorded over the jump host', async () => {
    const known = join(sandbox.path, 'known');
    writeFileSync(known, '');
    const lines = section('archive', far.sshd, 'ProxyJump bastion').map((line) =>
      line.replace(far.sshd.knownHosts, known),
    );
    const file = configOf(...lines, ...section('bastion', hop));
    const { kind, message, hint } = await faultOf(() => open(file));
    expect({ kind, message }).toEqual({
      kind: 'host-key',
      message: `could not verify the host key of [127.0.0.1]:${far.sshd.port}: it is not in known_hosts`,
    });
    const scan = `ssh-keyscan -t ed25519 -p ${far.sshd.port} 127.0.0.1`;
    expect(hint).toContain(`: ssh ssh://${me()}@127.0.0.1:${hop.port} ${scan} >> ${known}`);
    // What the command runs over there, over the jump host.
    const { stdout } = await run('ssh', [...hop.clientOptions, '127.0.0.1', scan]);
    writeFileSync(known, stdout);
    await use(file);
  });

  it('that refuses the login is told of, with its keys', async () => {
    const lines = section('bastion', hop).map((line) => line.replace(hop.clientKey, far.sshd.clientKey));
    const file = configOf(...section('archive', far.sshd, 'ProxyJump bastion'), ...lines);
    expect(await faultOf(() => open(file))).toMatchObject({
      kind: 'login-refused',
      message: `could not open ${url()}: ${through(hop)}: the far side refused the login of ${me()}`,
      detail: expect.stringContaining(`It was offered the key ${far.sshd.clientKey} (`) as unknown,
      hint: expect.stringContaining(
        `A jump host needs no twowarm: a line in authorized_keys of ${me()} on 127.0.0.1 that begins with restrict,port-forwarding is enough.`,
      ) as unknown,
    });
    await noneLeft(hop);
  });

  it('that hangs is waited for as long as connecting may take, and no longer than somebody waits', async () => {
    const file = configOf(
      ...section('archive', far.sshd, 'ProxyJump bastion'),
      ...section('bastion', second),
    );
    second.pause();
    try {
      expect(await faultOf(() => open(file, 300))).toMatchObject({
        kind: 'timed-out',
        message: `could not open ${url()}: could not connect: no answer within 300ms`,
        detail: `It was waiting for [127.0.0.1]:${second.port}. ${by(file, 'bastion', second, 10)} ${onTheWay(file)} ${looked(file, 14)}`,
        hint: expect.stringMatching(
          new RegExp(`^Try, as \\S+: ssh -J \\S+:${second.port} -p ${far.sshd.port} \\S+@\\S+ true$`),
        ) as unknown,
      });
      const stop = new AbortController();
      const opening = open(file, 60_000, stop.signal);
      stop.abort(new Error('told to stop'));
      await expect(opening).rejects.toThrow('told to stop');
    } finally {
      second.resume();
    }
    await noneLeft(second);
  });

  it('that hangs behind another one is given up, and so is the connection to that', async () => {
    const file = configOf(
      ...section('archive', far.sshd, 'ProxyJump bastion,inner'),
      ...section('bastion', hop),
      ...section('inner', second),
    );
    second.pause();
    try {
      const begin = performance.now();
      const { kind, detail } = await faultOf(() => open(file, 1500));
      expect(kind).toBe('timed-out');
      expect(detail).toMatch(new RegExp(`^It was waiting for \\[127\\.0\\.0\\.1\\]:${second.port}\\.`));
      expect(performance.now() - begin).toBeLessThan(15_000);
      await noneLeft(hop);
    } finally {
      second.resume();
    }
  });

  it('that leads to itself is refused', async () => {
    const file = configOf(...section('archive', far.sshd), 'Host *', '  ProxyJump bastion');
    expect(await faultOf(() => open(file))).toEqual({
      kind: 'not-built',
      message: `cannot follow line 9 of ${file}: ProxyJump bastion is not supported: the way leads over more than 8 jump hosts`,
      detail: 'It applies to the host bastion.',
      hint:
        'If it is a circle, give bastion a section of its own before that line, with "ProxyJump none". ' +
        "Or let ssh.config_file of twowarm.toml name another file; 'none' reads no ssh_config.",
    });
  });
});
