// Which credentials are offered, with keys and agents of the real OpenSSH.
import { chmodSync, chownSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findCredentials, type Credentials } from '../../../src/transport/ssh/keys.ts';
import { inspectPrivateKey } from '../../../src/transport/ssh/private-key.ts';
import { run, startProgram } from '../../harness/run.ts';
import { makeSandbox, type Sandbox } from '../../harness/sandbox.ts';
import { runsAsRoot } from '../../harness/server-user.ts';
import { keygen, makeSshKey } from '../../harness/ssh-keys.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { faultOf } from '../../program/fault.ts';

const me = userInfo().username;
const none = { environment: {} };
const named = (...identityFiles: string[]): Credentials => findCredentials({ ...none, identityFiles });

/** The process that looks is root where the tests are, and only its own files are judged by their mode. */
function ours(path: string, mode = 0o600): string {
  if (runsAsRoot()) chownSync(path, 0, 0);
  chmodSync(path, mode);
  return path;
}

async function startAgent(sandbox: Sandbox): Promise<string> {
  const socket = join(sandbox.path, 'agent');
  startProgram('ssh-agent', ['-D', '-a', socket]);
  await waitFor('the agent', () => existsSync(socket));
  return socket;
}

describe('keys', () => {
  it.each([
    ['ed25519', []],
    ['ecdsa', []],
    ['rsa', []],
    ['rsa', ['-m', 'PEM']],
    ['ecdsa', ['-m', 'PEM']],
  ] as const)('of type %s, made with %j, are offered as they are', async (type, more) => {
    await using sandbox = makeSandbox('keys');
    const path = join(sandbox.path, 'key');
    await keygen(['-q', '-t', type, ...more, '-N', '', '-f', path]);
    ours(path);
    expect(named(path)).toEqual({
      keys: [{ path, privateKey: readFileSync(path, 'utf8') }],
      agent: undefined,
      passedOver: [],
    });
  });

  it('of the home are offered in the order of ssh, and what is of no use is passed over by name', async () => {
    await using sandbox = makeSandbox('keys');
    const home = sandbox.path;
    for (const type of ['rsa', 'ecdsa'] as const)
      ours((await makeSshKey(sandbox, `.ssh/id_${type}`, { type })).path);
    const shut = ours((await makeSshKey(sandbox, '.ssh/id_ed25519', { passphrase: 'secret' })).path);
    const { keys, agent, passedOver } = findCredentials({ ...none, home });
    expect(keys.map(({ path }) => path)).toEqual([join(home, '.ssh/id_ecdsa'), join(home, '.ssh/id_rsa')]);
    expect(agent).toBeUndefined();
    expect(passedOver).toEqual([{ path: shut, reason: 'it is encrypted with a passphrase' }]);
  });

  it('that are named are offered alone and in that order', async () => {
    await using sandbox = makeSandbox('keys');
    ours((await makeSshKey(sandbox, '.ssh/id_ed25519')).path);
    const [one, two] = [
      await makeSshKey(sandbox, 'one'),
      await makeSshKey(sandbox, 'two', { type: 'ecdsa' }),
    ];
    const identityFiles = [two, one].map(({ path }) => ours(path));
    const { keys } = findCredentials({ ...none, home: sandbox.path, identityFiles });
    expect(keys.map(({ path }) => path)).toEqual(identityFiles);
  });

  it('of which the public half is named are told apart from one that others may read', async () => {
    await using sandbox = makeSandbox('keys');
    const { path } = await makeSshKey(sandbox, 'key');
    expect(await faultOf(() => named(ours(`${path}.pub`, 0o644)))).toEqual({
      kind: 'ssh-key',
      message: `cannot use the key ${path}.pub: it is a public key`,
      hint: `Name the private one: ${path}.`,
    });
  });

  it('that others may read are refused, as ssh refuses them', async () => {
    await using sandbox = makeSandbox('keys');
    const { path } = await makeSshKey(sandbox, 'key');
    for (const mode of [0o640, 0o604, 0o610]) {
      expect(await faultOf(() => named(ours(path, mode)))).toEqual({
        kind: 'ssh-key',
        message: `will not use the key ${path}: others may read it`,
        detail: `Its mode is 0${mode.toString(8)}.`,
        hint: `chmod 600 ${path}`,
      });
      const judged = await run('ssh-keygen', ['-y', '-P', '', '-f', path], { user: 'self' });
      expect([judged.code, judged.stderr]).toEqual([255, expect.stringContaining('UNPROTECTED PRIVATE KEY')]);
    }
    expect(named(ours(path, 0o400)).keys).toHaveLength(1);
    // Somebody else's is judged by nobody, here as there.
    if (runsAsRoot()) {
      chownSync(path, 1, 1);
      chmodSync(path, 0o644);
      expect(named(path).keys).toHaveLength(1);
      expect((await run('ssh-keygen', ['-y', '-P', '', '-f', path], { user: 'self' })).code).toBe(0);
    }
  });

  it.each([
    ['OpenSSH', []],
    ['PEM', ['-m', 'PEM']],
    ['PKCS8', ['-m', 'PKCS8']],
  ])('in the format %s that need a passphrase are refused without an agent', async (_, more) => {
    await using sandbox = makeSandbox('keys');
    const path = join(sandbox.path, 'key');
    await keygen(['-q', '-t', 'rsa', '-b', '2048', ...more, '-N', 'secret', '-f', path]);
    expect(await faultOf(() => named(ours(path)))).toEqual({
      kind: 'ssh-key',
      message: `cannot use the key ${path}: it is encrypted with a passphrase`,
      detail: 'Nobody is there to type it, and no agent was found.',
      hint: 'Load the key into an agent with ssh-add, or make one without a passphrase for this purpose alone.',
    });
  });

  it('of another format are refused with the command that rewrites them', async () => {
    await using sandbox = makeSandbox('keys');
    const path = join(sandbox.path, "my key's");
    await keygen(['-q', '-t', 'ecdsa', '-m', 'PKCS8', '-N', '', '-f', path]);
    const { message, hint } = await faultOf(() => named(ours(path)));
    expect(message).toBe(`cannot use the key ${path}: it is in the format PKCS8`);
    const command = hint!.slice('Rewrite it as OpenSSH does: '.length);
    expect((await run('sh', ['-c', command], { user: 'self' })).code).toBe(0);
    expect(named(path).keys).toHaveLength(1);
  });

  it.each([
    ['', 'it is not a private key in a format of OpenSSH'],
    ['no key', 'it is not a private key in a format of OpenSSH'],
    ['PuTTY-User-Key-File-3: ssh-ed25519\n', 'it is not a private key in a format of OpenSSH'],
    [
      '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
      'it is not a private key in a format of OpenSSH',
    ],
    ['-----BEGIN RSA PRIVATE KEY-----\nAAAA\n', 'it is damaged'],
    ['-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n', 'it is damaged'],
  ])('that are none are refused: %j', async (text, reason) => {
    await using sandbox = makeSandbox('keys');
    const path = ours(sandbox.file('key', text));
    expect(await faultOf(() => named(path))).toEqual({
      kind: 'ssh-key',
      message: `cannot use the key ${path}: ${reason}`,
      hint: "Name another one, or make one: ssh-keygen -t ed25519 -N ''",
    });
  });

  it('that are public are refused with the name of the private one', async () => {
    await using sandbox = makeSandbox('keys');
    const { path } = await makeSshKey(sandbox, 'key');
    expect(await faultOf(() => named(ours(`${path}.pub`)))).toEqual({
      kind: 'ssh-key',
      message: `cannot use the key ${path}.pub: it is a public key`,
      hint: `Name the private one: ${path}.`,
    });
  });

  it('that are cut short anywhere are damaged, and never crash', async () => {
    await using sandbox = makeSandbox('keys');
    const { path } = await makeSshKey(sandbox, 'key');
    const [begin, ...rest] = readFileSync(path, 'utf8').trimEnd().split('\n');
    const [end, body] = [rest.pop()!, rest.join('')];
    expect(inspectPrivateKey(`${begin}\n${body}\n${end}\n`)).toEqual({ state: 'usable' });
    for (let length = 0; length < body.length - 4; length += 4) {
      const cut = inspectPrivateKey(`${begin}\n${body.slice(0, length)}\n${end}\n`);
      expect([length, cut]).toEqual([
        length,
        expect.objectContaining({ state: 'unusable', reason: 'is damaged' }),
      ]);
    }
    const bytes = Buffer.from(body, 'base64');
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(255), (at, value) => {
        const changed = Buffer.from(bytes);
        changed[at] = value;
        expect(['usable', 'encrypted', 'unusable']).toContain(
          inspectPrivateKey(`${begin}\n${changed.toString('base64')}\n${end}\n`).state,
        );
      }),
    );
  });

  it('that are named and missing, or no files, are refused', async () => {
    await using sandbox = makeSandbox('keys');
    const path = join(sandbox.path, 'key');
    expect(await faultOf(() => named(path))).toEqual({
      kind: 'ssh-key',
      message: `could not read the key ${path}: it does not exist`,
      hint: `Make one as ${me}, and let its public part in on the server: ssh-keygen -t ed25519 -N '' -f ${path}`,
    });
    const ofInit = join(sandbox.path, 'twowarm_ed25519');
    expect((await faultOf(() => named(ofInit))).hint).toBe(
      `Make one as ${me}, and let its public part in on the server: ssh-keygen -t ed25519 -N '' -f ${ofInit}. Or call twowarm init --generate-key again, with the same answers as at first.`,
    );
    expect((await run('mkfifo', [path])).code).toBe(0);
    const refusal = { kind: 'ssh-key', message: `cannot use the key ${path}: it is not a key file` };
    expect(await faultOf(() => named(path))).toMatchObject(refusal);
    expect(await faultOf(() => named(sandbox.path))).toMatchObject({
      message: `cannot use the key ${sandbox.path}: it is not a key file`,
    });
  });
});

describe('an agent', () => {
  it('by SSH_AUTH_SOCK or by name has the keys that are encrypted', async () => {
    await using sandbox = makeSandbox('keys');
    const agent = await startAgent(sandbox);
    const path = ours((await makeSshKey(sandbox, 'key', { passphrase: 'secret' })).path);
    const expected = {
      keys: [],
      agent,
      passedOver: [{ path, reason: 'it is encrypted with a passphrase' }],
    };
    const identityFiles = [path];
    expect(findCredentials({ identityFiles, environment: { SSH_AUTH_SOCK: agent } })).toEqual(expected);
    expect(findCredentials({ identityFiles, environment: {}, agentSocket: agent })).toEqual(expected);
    // What was named counts, not what the environment has.
    const elsewhere = { SSH_AUTH_SOCK: '/nowhere' };
    expect(findCredentials({ identityFiles, environment: elsewhere, agentSocket: agent })).toEqual(expected);
  });

  it('that is named and not there is a fault; one of the environment is passed over', async () => {
    await using sandbox = makeSandbox('keys');
    const agentSocket = sandbox.file('agent', '');
    expect(await faultOf(() => findCredentials({ ...none, agentSocket }))).toEqual({
      kind: 'ssh-key',
      message: `could not find the agent: there is no socket ${agentSocket}`,
      hint: `Start it as ${me}: ssh-agent -a ${agentSocket}`,
    });
    const path = ours((await makeSshKey(sandbox, 'key')).path);
    const found = findCredentials({ environment: { SSH_AUTH_SOCK: agentSocket }, identityFiles: [path] });
    expect([found.keys.length, found.agent, found.passedOver]).toEqual([
      1,
      undefined,
      [{ path: agentSocket, reason: 'there is no such socket of an agent' }],
    ]);
  });
});

it('nothing to log in with is a fault that names all that was looked at', async () => {
  await using sandbox = makeSandbox('keys');
  const home = sandbox.path;
  const at = (name: string): string => join(home, '.ssh', name);
  expect(await faultOf(() => findCredentials({ ...none, home }))).toEqual({
    kind: 'ssh-key',
    message: 'could not find a key to log in with',
    detail: `There is no ${at('id_ed25519')} and no ${at('id_ecdsa')} and no ${at('id_rsa')}. SSH_AUTH_SOCK names no agent.`,
    hint: `Make one as ${me}, and let its public part in on the server: ssh-keygen -t ed25519 -N '' -f ${at('id_ed25519')}`,
  });
  sandbox.directory('.ssh');
  writeFileSync(at('id_rsa'), 'no key', { mode: 0o600 });
  const environment = { SSH_AUTH_SOCK: '/nowhere' };
  expect((await faultOf(() => findCredentials({ environment, home }))).detail).toBe(
    `There is no ${at('id_ed25519')} and no ${at('id_ecdsa')}. /nowhere cannot be used: there is no such socket of an agent. ${at('id_rsa')} cannot be used: it is not a private key in a format of OpenSSH.`,
  );
});
