// The files that ssh reads by default, of the server's user and of the machine, at work in the installed programs; and
// configSetup, which says what is in force and where it comes from.
import { chmodSync, chownSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { program } from '../../../harness/installation.ts';
import { makeSandbox, type Sandbox } from '../../../harness/sandbox.ts';
import { runsAsRoot, serverUser } from '../../../harness/server-user.ts';
import { startSshd, type Sshd } from '../../../harness/sshd.ts';
import { commandLine } from '../../../harness/node-fixture.ts';
import { spawnSync } from 'node:child_process';
import { store } from '../expect-refusal.ts';
import { anotherSegment as name, sshNode } from '../ssh-node.ts';

let sandbox: Sandbox;
let sshd: Sshd;

beforeAll(async () => {
  sandbox = makeSandbox('ssh-config-installed');
  sshd = await startSshd(sandbox);
});

afterAll(async () => {
  await sshd.stop();
  await sandbox.dispose();
});

describe('~/.ssh/config and /etc/ssh/ssh_config', { timeout: 60_000 }, () => {
  // Other files in their places need a mount, in a namespace of its own.
  it.runIf(runsAsRoot())('are read without being named, the home by the user database', async () => {
    await using node = await sshNode('default-files', sshd);
    node.segment(name);
    const { name: me, uid, gid } = serverUser();
    const home = node.sandbox.directory('home');
    node.sandbox.file('home/.ssh/config', `Host archive\n  Port ${sshd.port}\n  Include keys/*.conf\n`);
    node.sandbox.file('home/.ssh/keys/wal.conf', `IdentityFile ${sshd.clientKey}\nIdentityAgent none\n`);
    node.sandbox.file('home/.ssh/known_hosts', readFileSync(sshd.knownHosts));
    const system = node.sandbox.file(
      'ssh_config',
      `Host arch*\n  HostName 127.0.0.1\n  Port 1\nMatch final all\n  SendEnv LANG\n`,
      0o644,
    );
    chownSync(system, 0, 0);
    const others = readFileSync('/etc/passwd', 'utf8')
      .split('\n')
      .filter((line) => !line.startsWith(`${me}:`));
    const passwd = node.sandbox.file(
      'passwd',
      [`${me}:x:${uid}:${gid}::${home}:/bin/sh`, ...others].join('\n'),
      0o644,
    );
    const toml = `[node]\ndata_directory = '${node.dataDirectory}'\n[destination.db2]\nurl = 'ssh://archive${node.far}'\n[ssh]\nreceiver = '${program('twowarm')}'\n`;
    const configuration = node.path('twowarm/twowarm.toml');
    writeFileSync(configuration, toml);
    chmodSync(configuration, 0o600);
    const call = (words: readonly string[]): { status: number | null; stdout: string; stderr: string } =>
      spawnSync(
        'unshare',
        [
          ...[
            '-m',
            'sh',
            '-c',
            'mount --bind "$1" /etc/passwd && mount --bind "$2" /etc/ssh/ssh_config && shift 2 && exec "$@"',
            'sh',
          ],
          ...[
            passwd,
            system,
            'setpriv',
            `--reuid=${uid}`,
            `--regid=${gid}`,
            '--clear-groups',
            '--',
            ...words,
          ],
        ],
        { cwd: node.dataDirectory, env: { PATH: '/usr/bin:/bin' }, encoding: 'utf8' },
      );
    const stored = call([program('archiveWALFile'), `pg_wal/${name}`, name]);
    expect({ ...stored, status: stored.status }).toMatchObject({ status: 0, stdout: '', stderr: '' });
    const { stdout } = call([program('configSetup')]);
    const config = `${home}/.ssh/config`;
    expect(stdout.slice(stdout.indexOf('# ssh://'))).toBe(
      [
        `# ssh://archive${node.far}:`,
        '#   at archive',
        `#     host 127.0.0.1 (/etc/ssh/ssh_config:2)`,
        `#     port ${sshd.port} (${config}:2)`,
        `#     user ${me} (default)`,
        `#     key ${sshd.clientKey} (${home}/.ssh/keys/wal.conf:1)`,
        `#     agent none (${home}/.ssh/keys/wal.conf:2)`,
        `#     known hosts ${home}/.ssh/known_hosts /etc/ssh/ssh_known_hosts (default)`,
        '',
      ].join('\n'),
    );
  });
});

describe('configSetup', { timeout: 60_000 }, () => {
  it('shows for each ssh: URL where it leads, over which jump hosts, and what of twowarm.toml goes first', async () => {
    await using node = await sshNode('config-setup', sshd);
    const configFile = node.sandbox.file(
      'ssh_config',
      'Host 127.0.0.1\n  ProxyJump wal@bastion:2222\nHost bastion\n  HostName %h.example.com\n  UserKnownHostsFile /srv/known\n',
    );
    node.use({ configFile });
    const { code, stdout, stderr } = await node.sh(commandLine('configSetup', '--json'));
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const key = { value: sshd.clientKey, origin: 'ssh.identity_files' };
    const knownHosts = { value: [sshd.knownHosts], origin: 'ssh.known_hosts' };
    const agent = { value: null, origin: 'SSH_AUTH_SOCK' };
    expect((JSON.parse(stdout) as { ssh: unknown }).ssh).toEqual([
      {
        url: node.url,
        logins: [
          {
            name: 'bastion',
            host: { value: 'bastion.example.com', origin: `${configFile}:4` },
            port: { value: 2222, origin: 'ProxyJump' },
            user: { value: 'wal', origin: 'ProxyJump' },
            keys: [key],
            agent,
            knownHosts,
          },
          {
            name: '127.0.0.1',
            host: { value: '127.0.0.1', origin: 'URL' },
            port: { value: sshd.port, origin: 'URL' },
            user: { value: sshd.user, origin: 'URL' },
            keys: [key],
            agent,
            knownHosts,
          },
        ],
      },
    ]);
  });

  it('says what cannot be followed, as a comment', async () => {
    await using node = await sshNode('config-setup-fault', sshd);
    const configFile = node.sandbox.file('ssh_config', 'ProxyCommand nc %h %p\n');
    node.use({ configFile });
    const { code, stdout } = await node.sh(commandLine('configSetup'));
    expect(code).toBe(0);
    const why = `cannot follow line 1 of ${configFile}: ProxyCommand is not supported: twowarm runs no command to get a connection`;
    expect(stdout).toContain(`\n# ${node.url}: ${why}\n`);
    expect((await store(node)).code).not.toBe(0);
  });
});
