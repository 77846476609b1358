// Programs that log in as ssh_config says: aliases, keys, agents, known_hosts files, and the words for what goes wrong.
import { chmodSync, chownSync, existsSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { refused, silent } from '../../../harness/node-fixture.ts';
import { run, startProgram } from '../../../harness/run.ts';
import { makeSandbox, type Sandbox } from '../../../harness/sandbox.ts';
import { runsAsRoot } from '../../../harness/server-user.ts';
import { makeSshKey, type SshKey } from '../../../harness/ssh-keys.ts';
import { startSshd, type Sshd } from '../../../harness/sshd.ts';
import { waitFor } from '../../../harness/wait-for.ts';
import { expectRefusal, quick, store } from '../expect-refusal.ts';
import { fingerprint } from '../locked-node.ts';
import { anotherSegment as name, sshNode, type SshNode } from '../ssh-node.ts';

let sandbox: Sandbox;
let sshd: Sshd;
let otherKey: SshKey;

beforeAll(async () => {
  sandbox = makeSandbox('ssh-config-login');
  sshd = await startSshd(sandbox, { hostKeyTypes: ['ed25519', 'rsa'] });
  otherKey = await makeSshKey(sandbox, 'other_key');
});

afterAll(async () => {
  await sshd.stop();
  await sandbox.dispose();
});

const limits = { timeout: 120_000 };
/** The first use of the URL is noted, too. */
const stored = {
  code: 0,
  stdout: '',
  stderr: '',
  changed: expect.arrayContaining([`created far/${name}`]) as unknown,
};

/** The node's twowarm.toml leaves everything to ssh_config; the host is "archive". */
function follow(node: SshNode, lines: readonly string[]): string {
  const file = node.sandbox.file('ssh_config', `${lines.join('\n')}\n`);
  node.use({ ...quick, url: `ssh://archive${node.far}`, configFile: file, onlyConfigFile: true });
  return file;
}

/** What leads to the server, and lets this node in. */
const wayIn = (): string[] => [
  'Host archive',
  '  HostName 127.0.0.1',
  `  Port ${sshd.port}`,
  `  User ${sshd.user}`,
  `  IdentityFile ${sshd.clientKey}`,
  '  IdentityAgent none',
  `  UserKnownHostsFile ${sshd.knownHosts}`,
];

describe('a host of ssh_config', limits, () => {
  it('is reached by HostName, Port, User, IdentityFile and UserKnownHostsFile, with whatever else is said there', async () => {
    await using node = await sshNode('alias', sshd);
    node.segment(name);
    follow(node, [
      'Host other\n  ProxyCommand nc %h %p\n  FrobnicateThis yes',
      ...wayIn(),
      'Host *',
      '  IdentityFile /nonexistent/id_%h',
      '  StrictHostKeyChecking no',
      '  ControlMaster auto',
      '  Ciphers aes256-gcm@openssh.com,aes128-ctr',
      '  MACs -*sha1*',
      '  KexAlgorithms ^ecdh-sha2-nistp256',
      '  HostKeyAlgorithms rsa-sha2-512',
      '  PubkeyAcceptedAlgorithms +ssh-rsa',
      '  RequiredRSASize 2048',
      'Match final all\n  GSSAPIAuthentication yes',
    ]);
    expect(await store(node)).toEqual(stored);
    expect(sshd.logText()).toMatch(/Accepted publickey for/);
  });

  it('is known by HostKeyAlias, and a key that is not is recorded by the command of the hint', async () => {
    await using node = await sshNode('host-key-alias', sshd);
    const known = node.sandbox.file('known', '');
    const file = follow(node, [
      ...wayIn().filter((line) => !line.includes('Known')),
      '  HostKeyAlias wal-archive',
      `  UserKnownHostsFile ${known}`,
    ]);
    const scan = `ssh-keyscan -t ed25519 -p ${sshd.port} 127.0.0.1 | sed 's/^[^ ]*/wal-archive/' >> ${known}`;
    await expectRefusal(
      node,
      60,
      'could not verify the host key of wal-archive: it is not in known_hosts\n' +
        `DETAIL:  The server shows the ED25519 key ${await fingerprint(`${sandbox.path}/sshd/host_ed25519.pub`)}. ` +
        `By ssh_config archive is host 127.0.0.1 (line 2 of ${file}), port ${sshd.port} (line 3 of ${file}), user ${sshd.user} (line 4 of ${file}). ` +
        `UserKnownHostsFile says where its key is looked up (line 8 of ${file}).\n` +
        `HINT:  Compare the fingerprint first, on 127.0.0.1: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub. Then record it, as ${sshd.user}: ${scan}\n`,
    );
    expect((await run('/bin/sh', ['-c', scan])).code).toBe(0);
    expect(await store(node)).toEqual(stored);
  });

  it('with RequiredRSASize that its host key does not have is refused', async () => {
    await using node = await sshNode('rsa-size', sshd);
    const file = follow(node, [...wayIn(), '  HostKeyAlgorithms rsa-sha2-512', '  RequiredRSASize 4096']);
    await expectRefusal(
      node,
      60,
      `cannot trust the host key of [127.0.0.1]:${sshd.port}: it has 2048 bits\n` +
        `DETAIL:  The server shows the RSA key ${await fingerprint(`${sandbox.path}/sshd/host_rsa.pub`)}. RequiredRSASize asks for 4096 (line 9 of ${file}). ` +
        `By ssh_config archive is host 127.0.0.1 (line 2 of ${file}), port ${sshd.port} (line 3 of ${file}), user ${sshd.user} (line 4 of ${file}). ` +
        `UserKnownHostsFile says where its key is looked up (line 7 of ${file}).\n` +
        'HINT:  Give the server a longer host key, or one that is not RSA.\n',
    );
  });

  it('that refuses the login is told of with every key, and the line that names it', async () => {
    await using node = await sshNode('refused', sshd);
    const { path } = await makeSshKey(node.sandbox, 'unknown_key');
    const file = follow(node, [
      ...wayIn().filter((line) => !line.includes('Identity')),
      '  IdentityAgent none',
      `  IdentityFile ${path}`,
      '  IdentityFile /nonexistent/key',
    ]);
    await expectRefusal(
      node,
      67,
      `could not open ssh://archive${node.far}: the far side refused the login of ${sshd.user}\n` +
        `DETAIL:  It was offered the key ${path} (${await fingerprint(`${path}.pub`)}, line 7 of ${file}). ` +
        `Not offered was /nonexistent/key: it does not exist (line 8 of ${file}). ` +
        `By ssh_config archive is host 127.0.0.1 (line 2 of ${file}), port ${sshd.port} (line 3 of ${file}), user ${sshd.user} (line 4 of ${file}). ` +
        `UserKnownHostsFile says where its key is looked up (line 5 of ${file}).\n` +
        `HINT:  Try, as ${sshd.user}: ssh -i ${path} -o IdentitiesOnly=yes -p ${sshd.port} ${sshd.user}@127.0.0.1. ` +
        `The line for authorized_keys of ${sshd.user} over there is made there: twowarm receive --directory DIR --authorized-keys-line KEY.pub\n`,
    );
  });

  it('with IdentitiesOnly is offered only those keys of an agent', async () => {
    await using node = await sshNode('agent', sshd);
    node.segment(name);
    const socket = node.path('agent');
    startProgram('ssh-agent', ['-D', '-a', socket]);
    await waitFor('the agent', () => existsSync(socket));
    // ssh-add asks for the agent by its environment alone.
    for (const key of [otherKey.path, sshd.clientKey])
      expect((await run('/usr/bin/env', [`SSH_AUTH_SOCK=${socket}`, 'ssh-add', '-q', key])).code).toBe(0);
    const with_ = (key: string): string[] => [
      ...wayIn().filter((line) => !line.includes('Identity')),
      `  IdentityAgent ${socket}`,
      '  IdentitiesOnly yes',
      `  IdentityFile ${key}`,
    ];
    // The private file is not there: the public one chooses.
    const chosen = node.sandbox.file('chosen.pub', readFileSync(`${otherKey.path}.pub`));
    follow(node, with_(chosen));
    const before = sshd.logText().length;
    expect((await store(node)).code).toBe(67);
    const theirs = await fingerprint(`${sshd.clientKey}.pub`);
    expect(sshd.logText().slice(before)).not.toContain(theirs);
    follow(node, with_(node.sandbox.file('chosen.pub', readFileSync(`${sshd.clientKey}.pub`))));
    expect(await store(node)).toEqual(stored);
    expect(sshd.logText().slice(before)).toContain(theirs);
  });

  it('gives way to what the URL and twowarm.toml say', async () => {
    await using node = await sshNode('precedence', sshd);
    node.segment(name);
    const configFile = node.sandbox.file(
      'ssh_config',
      'Host *\n  Port 1\n  User nobody-else\n  IdentityFile /nonexistent/key\n  UserKnownHostsFile /dev/null\n  IdentityAgent none\n',
    );
    node.use({ ...quick, configFile });
    expect(await store(node)).toEqual(silent([`created far/${name}`]));
  });
});

describe('an ssh_config', limits, () => {
  it('with a line that is not supported is refused by name, with the cure', async () => {
    await using node = await sshNode('unsupported', sshd);
    const file = follow(node, ['# The network team', 'ProxyCommand nc %h %p', ...wayIn()]);
    await expectRefusal(
      node,
      4,
      `cannot follow line 2 of ${file}: ProxyCommand is not supported: twowarm runs no command to get a connection\n` +
        'DETAIL:  It applies to the host archive.\n' +
        'HINT:  Give archive a section of its own before that line, with "ProxyCommand none". ' +
        "Or let ssh.config_file of twowarm.toml name another file; 'none' reads no ssh_config.\n",
    );
  });

  it('that the cure has mended is followed', async () => {
    await using node = await sshNode('mended', sshd);
    node.segment(name);
    follow(node, [...wayIn(), '  ProxyCommand none', 'Host *', '  ProxyCommand nc %h %p']);
    expect(await store(node)).toEqual(stored);
  });

  it('with a keyword that nobody knows is refused, unless IgnoreUnknown names it', async () => {
    await using node = await sshNode('unknown', sshd);
    const file = follow(node, [...wayIn(), '  UseKeychain yes']);
    await expectRefusal(
      node,
      3,
      `cannot read line 8 of ${file}: nobody knows the keyword "UseKeychain"\n` +
        'DETAIL:  It applies to the host archive.\n' +
        "HINT:  Correct the line, or put before it: IgnoreUnknown UseKeychain. Or let ssh.config_file of twowarm.toml name another file; 'none' reads no ssh_config.\n",
    );
    follow(node, ['IgnoreUnknown UseKey*', ...wayIn(), '  UseKeychain yes']);
    expect(await store(node)).toEqual(stored);
  });

  it('that others may write is not used, nor is one of another user', async () => {
    await using node = await sshNode('owner', sshd);
    const file = follow(node, wayIn());
    chmodSync(file, 0o620);
    await expectRefusal(
      node,
      3,
      `will not use the ssh configuration ${file}: others may write it\n` +
        'DETAIL:  Its mode is 0620. ssh does not use such a file, either.\n' +
        `HINT:  chmod go-w ${file}\n`,
    );
    chmodSync(file, 0o644);
    if (!runsAsRoot()) return;
    chownSync(file, 12_345, 0);
    await expectRefusal(
      node,
      3,
      `will not use the ssh configuration ${file}: it belongs to user 12345\n` +
        'DETAIL:  Its mode is 0644. ssh does not use such a file, either.\n' +
        `HINT:  It must belong to ${sshd.user} or to root.\n`,
    );
  });

  it('that is named and missing is told of', async () => {
    await using node = await sshNode('missing', sshd);
    node.use({ ...quick, configFile: '/nonexistent/config' });
    await expectRefusal(
      node,
      3,
      'could not read the ssh configuration /nonexistent/config: it does not exist\nHINT:  ssh.config_file of twowarm.toml names it.\n',
    );
  });

  it('is not read where the configuration says so', async () => {
    await using node = await sshNode('none', sshd);
    node.segment(name);
    node.use({ ...quick, configFile: 'none' });
    expect(await store(node)).toEqual(silent([`created far/${name}`]));
    node.use({ ...quick, configFile: 'config' });
    const outcome = await store(node);
    expect(outcome).toEqual(
      refused(
        3,
        expect.stringContaining(`"ssh.config_file" must be an absolute path or 'none'`) as unknown as string,
      ),
    );
  });
});
