// The check of a server's key against files, and what a person is told to do: the command of the hint is run.
import { chownSync, mkdirSync, readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hostKeyCheck } from '../../../src/transport/ssh/host-key.ts';
import { defaultKnownHostsFiles, effectiveAccount } from '../../../src/transport/ssh/known-hosts-files.ts';
import { run, shell } from '../../harness/run.ts';
import { makeSandbox, type Sandbox } from '../../harness/sandbox.ts';
import { runsAsRoot, serverUser } from '../../harness/server-user.ts';
import { keygen, makeSshKey } from '../../harness/ssh-keys.ts';
import { startSshd, type Sshd } from '../../harness/sshd.ts';
import { faultOf } from '../../program/fault.ts';

const me = userInfo().username;
let sandbox: Sandbox;
let server: Sshd;
/** Public lines without their comment: the server's ed25519 key, its rsa key, one that it does not have. */
let own: string;
let ownRsa: string;
let other: string;

beforeAll(async () => {
  sandbox = makeSandbox('host-key');
  server = await startSshd(sandbox, { hostKeyTypes: ['ed25519', 'rsa'] });
  const stripped = [...server.hostKeys(), (await makeSshKey(sandbox, 'other')).publicLine];
  [own, ownRsa, other] = stripped.map((line) => line.split(' ').slice(0, 2).join(' ')) as [
    string,
    string,
    string,
  ];
});

afterAll(async () => {
  await server.stop();
  await sandbox.dispose();
});

const bytesOf = (publicLine: string): Buffer => Buffer.from(publicLine.split(' ')[1]!, 'base64');
let files = 0;
const fileOf = (text: string): string => sandbox.file(`known/${(files += 1)}`, text);
const fingerprint = async (publicLine: string): Promise<string> =>
  (await keygen(['-lf', fileOf(`${publicLine}\n`)])).split(' ')[1]!;
const db2 = { host: 'db2', port: 22 };
/** What the check says of a key, thrown so that all of it can be compared. */
const refusal = (...[at, paths, key]: [typeof db2, string[], Buffer]): ReturnType<typeof faultOf> =>
  faultOf(() => {
    const fault = hostKeyCheck(at, paths).verify(key);
    if (fault !== undefined) throw fault;
  });

describe('a host key', () => {
  it('that is recorded is taken, in whichever file', () => {
    const paths = [join(sandbox.path, 'missing'), fileOf('db3 x\n'), fileOf(`db2 ${own}\n`)];
    expect(hostKeyCheck(db2, paths).verify(bytesOf(own))).toBeUndefined();
  });

  it('that is not recorded is refused, with its fingerprint and the command that records it', async () => {
    const file = fileOf(`db3 ${own}\n`);
    expect(await refusal(db2, [file, '/nowhere'], bytesOf(own))).toEqual({
      kind: 'host-key',
      message: 'could not verify the host key of db2: it is not in known_hosts',
      detail: `The server shows the ED25519 key ${await fingerprint(own)}.`,
      hint: `Compare the fingerprint first, on db2: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub. Then record it, as ${me}: ssh-keyscan -t ed25519 -p 22 db2 >> ${file}`,
    });
  });

  it('that was recorded by the command of the hint is known, to ssh as well', async () => {
    const at = { host: '127.0.0.1', port: server.port };
    const file = join(sandbox.path, "it's new", 'known_hosts');
    const { message, hint } = await refusal(at, [file], bytesOf(own));
    expect(message).toBe(
      `could not verify the host key of [127.0.0.1]:${server.port}: it is not in known_hosts`,
    );
    const command = hint!.slice(hint!.indexOf(`as ${me}: `) + `as ${me}: `.length);
    expect(command).toMatch(/^mkdir -p -m 700 '.*' && ssh-keyscan -t ed25519 -p \d+ 127\.0\.0\.1 >> '.*'$/);
    expect((await shell(command)).code).toBe(0);
    expect(hostKeyCheck(at, [file]).verify(bytesOf(own))).toBeUndefined();
    expect((await refusal(at, [file], bytesOf(ownRsa))).message).toContain('known_hosts has another one');
    // ssh wants no space or quote in the option.
    const plain = fileOf(readFileSync(file, 'utf8'));
    const login = await run('ssh', [
      ...['-o', `UserKnownHostsFile=${plain}`],
      ...server.clientOptions,
      '127.0.0.1',
      'true',
    ]);
    expect([login.code, login.stderr]).toEqual([0, '']);
  });

  it('that has changed is refused, and both are named', async () => {
    const file = fileOf(`# ours\ndb2 ${other}\ndb2 ${ownRsa}\n`);
    expect(await refusal(db2, [file], bytesOf(own))).toEqual({
      kind: 'host-key',
      message: 'could not verify the host key of db2: known_hosts has another one',
      detail: `The server shows the ED25519 key ${await fingerprint(own)}. Line 2 of ${file} has the ED25519 key ${await fingerprint(other)} (and 1 more). Either the server has a new key or somebody else answers.`,
      hint: `Compare the fingerprint first, on db2: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub. Only if it is the server's, remove line 2 of ${file} and record it, as ${me}: ssh-keyscan -t ed25519 -p 22 db2 >> ${file}`,
    });
  });

  it('of another type than the recorded ones is refused, too, and no line has to go', async () => {
    const file = fileOf(`db2 ${ownRsa}\n`);
    expect(await refusal(db2, [file], bytesOf(own))).toEqual({
      kind: 'host-key',
      message: 'could not verify the host key of db2: known_hosts has another one',
      detail: `The server shows the ED25519 key ${await fingerprint(own)}. Line 1 of ${file} has the RSA key ${await fingerprint(ownRsa)}. Either the server has a new key or somebody else answers.`,
      hint: `Compare the fingerprint first, on db2: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub. Only if it is the server's, record it, as ${me}: ssh-keyscan -t ed25519 -p 22 db2 >> ${file}`,
    });
  });

  it('that is revoked is refused, also where it is recorded', async () => {
    const revoking = fileOf(`@revoked * ${own}\n`);
    expect(await refusal(db2, [fileOf(`db2 ${own}\n`), revoking], bytesOf(own))).toEqual({
      kind: 'host-key',
      message: 'cannot trust the host key of db2: it is revoked',
      detail: `The server shows the ED25519 key ${await fingerprint(own)}. Line 1 of ${revoking} revokes it.`,
      hint: 'Somebody else may hold this key. Find out who answers as db2, and give the server a new host key.',
    });
  });

  it('is not known by a certificate authority or a damaged line, and the refusal says so', async () => {
    const file = fileOf(`db2 ssh-ed25519 AAAA\n@cert-authority *,!db3 ${own}\n`);
    const { message, detail } = await refusal(db2, [file], bytesOf(own));
    expect(message).toBe('could not verify the host key of db2: it is not in known_hosts');
    expect(detail).toBe(
      `The server shows the ED25519 key ${await fingerprint(own)}. Line 2 of ${file} names a certificate authority for it, but host certificates are not supported. Line 1 of ${file} was passed over: the key is not one of its type.`,
    );
  });

  it('that is no key at all is refused', async () => {
    const { kind, detail } = await refusal(db2, [fileOf('')], Buffer.from('nonsense'));
    expect([kind, detail]).toEqual([
      'host-key',
      expect.stringMatching(/^The server shows the unknown type key SHA256:[A-Za-z0-9+/]{43}\.$/),
    ]);
    expect((await refusal(db2, [fileOf(`* ${own}\n`)], Buffer.alloc(0))).kind).toBe('host-key');
  });
});

describe('the algorithms to ask for', () => {
  it('are those of the recorded keys, RSA never with SHA-1', () => {
    const algorithms = (text: string): readonly string[] => hostKeyCheck(db2, [fileOf(text)]).algorithms;
    expect(algorithms(`db2 ${ownRsa}\ndb2 ${own}\n`)).toEqual([
      'rsa-sha2-512',
      'rsa-sha2-256',
      'ssh-ed25519',
    ]);
    expect(algorithms(`db2 ${own}\n@revoked db2 ${ownRsa}\n`)).toEqual(['ssh-ed25519']);
    expect(algorithms('')).toEqual([]);
  });
});

describe('the files', () => {
  it('are those of the effective user, whatever HOME says, and of the machine', () => {
    const before = process.env['HOME'];
    try {
      process.env['HOME'] = '/nowhere';
      const { name, home } = effectiveAccount();
      expect([name, home]).toEqual([me, userInfo().homedir]);
      expect(home).not.toBe('/nowhere');
      expect(defaultKnownHostsFiles()).toEqual([join(home!, '.ssh/known_hosts'), '/etc/ssh/ssh_known_hosts']);
      expect(defaultKnownHostsFiles({ name: 'user id 4711', home: undefined })).toEqual([
        '/etc/ssh/ssh_known_hosts',
      ]);
    } finally {
      if (before === undefined) delete process.env['HOME'];
      else process.env['HOME'] = before;
    }
  });

  it('that cannot be read are a fault: the revoked key may be in there', async () => {
    const directory = join(sandbox.path, 'a directory');
    mkdirSync(directory);
    expect(await faultOf(() => hostKeyCheck(db2, [fileOf(`db2 ${own}\n`), directory]))).toEqual({
      kind: 'input-output',
      message: `could not read the known hosts file ${directory}: Is a directory`,
      hint: `No host key is trusted while ${directory} cannot be read, because it may revoke one.`,
    });
  });

  it('that are closed to the effective user are a fault, too, and that user is meant by every hint', async () => {
    const file = sandbox.file('closed', `db2 ${own}\n`, 0);
    if (runsAsRoot()) chownSync(file, 0, 0);
    const { message, kind } = await faultOf(() => asServerUser(() => hostKeyCheck(db2, [file])));
    expect([kind, message]).toEqual([
      'permission-denied',
      `could not read the known hosts file ${file}: Permission denied`,
    ]);
    expect(asServerUser(effectiveAccount)).toEqual({ name: serverUser().name, home: serverUser().home });
  });
});

/** Root reads everything, and so becomes somebody else for as long as nothing else in this process can run. */
function asServerUser<T>(action: () => T): T {
  if (!runsAsRoot()) return action();
  process.seteuid!(serverUser().uid);
  try {
    return action();
  } finally {
    process.seteuid!(0);
  }
}
