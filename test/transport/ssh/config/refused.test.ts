// What of ssh_config is refused, what is left out, and that no keyword of ssh is forgotten.
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ours } from '../../../../src/transport/ssh/config/algorithms.ts';
import { keywords, treatmentOf } from '../../../../src/transport/ssh/config/keywords.ts';
import { makeSandbox, type Sandbox } from '../../../harness/sandbox.ts';
import { ProgramError } from '../../../../src/program/program-error.ts';
import { faultOf } from '../../../program/fault.ts';
import { askSsh, askUs, inWordsOfSsh } from './oracle.ts';

let sandbox: Sandbox;

beforeAll(() => {
  sandbox = makeSandbox('ssh-config-refused');
});

afterAll(() => sandbox.dispose());

/** Ours, whoever runs the test: what belongs to others is refused. */
function fileOf(...lines: string[]): string {
  const path = join(sandbox.path, 'config');
  writeFileSync(path, `${lines.join('\n')}\n`, { mode: 0o600 });
  return path;
}

const host = { host: 'db2' };
const orElse = `Or let ssh.config_file of twowarm.toml name another file; 'none' reads no ssh_config.`;

describe('a line that applies and is not supported', () => {
  const aloneBefore = (what: string): string =>
    `Give db2 a section of its own before that line, with "${what}".`;
  const doesWithout = 'Give db2 a section of its own that does without it.';
  const noKey = 'twowarm logs in with a key';
  const allowKey = 'Give db2 a section of its own before that line that allows publickey.';
  it.each([
    [
      'ProxyCommand nc %h %p',
      'ProxyCommand',
      'twowarm runs no command to get a connection',
      aloneBefore('ProxyCommand none'),
    ],
    [
      "ProxyCommand sh -c 'nc %h %p'",
      'ProxyCommand',
      'twowarm runs no command to get a connection',
      aloneBefore('ProxyCommand none'),
    ],
    [
      'CanonicalizeHostname always',
      'CanonicalizeHostname',
      'names are not made canonical',
      aloneBefore('CanonicalizeHostname no'),
    ],
    ['BindAddress 10.0.0.1', 'BindAddress', 'the system chooses the address to connect from', doesWithout],
    ['BindInterface eth1', 'BindInterface', 'the system chooses the address to connect from', doesWithout],
    [
      'CertificateFile ~/.ssh/c',
      'CertificateFile',
      'certificates are not offered',
      aloneBefore('CertificateFile none'),
    ],
    [
      'PKCS11Provider /usr/lib/p.so',
      'PKCS11Provider',
      'keys are read from files and agents',
      aloneBefore('PKCS11Provider none'),
    ],
    [
      'SmartcardDevice /usr/lib/p.so',
      'PKCS11Provider',
      'keys are read from files and agents',
      aloneBefore('PKCS11Provider none'),
    ],
    [
      'RevokedHostKeys /etc/r',
      'RevokedHostKeys',
      'revoked keys are known from known_hosts files alone (@revoked)',
      aloneBefore('RevokedHostKeys none'),
    ],
    ['RefuseConnection "closed"', 'RefuseConnection', 'ssh would refuse the connection, too', doesWithout],
    ['PubkeyAuthentication no', 'PubkeyAuthentication no', noKey, allowKey],
    [
      'PreferredAuthentications password,gssapi-with-mic',
      'PreferredAuthentications password,gssapi-with-mic',
      noKey,
      allowKey,
    ],
    [
      'Ciphers 3des-cbc,arcfour',
      'Ciphers 3des-cbc,arcfour',
      'twowarm has none of these algorithms',
      `Add one of ${ours.cipher.join(', ')}.`,
    ],
    [
      'HostKeyAlgorithms ssh-dss',
      'HostKeyAlgorithms ssh-dss',
      'twowarm has none of these algorithms',
      `Add one of ${ours.serverHostKey.join(', ')}.`,
    ],
    ...['exec "true"', 'tagged wal', 'localnetwork 10.0.0.0/8'].map((criterion) => [
      `Match host db2 ${criterion}`,
      `Match ${criterion.split(' ')[0]}`,
      'twowarm runs nothing to find out',
      `Put another criterion before it that leaves db2 out, such as: Match !originalhost db2 ${criterion.split(' ')[0]} …`,
    ]),
  ])('%s', async (line, what, why, cure) => {
    const file = fileOf('Host *', line);
    expect(await faultOf(() => askUs(file, host))).toEqual({
      kind: 'not-built',
      message: `cannot follow line 2 of ${file}: ${what} is not supported: ${why}`,
      detail: 'It applies to the host db2.',
      hint: `${cure} ${orElse}`,
    });
    // Of another host it is nothing.
    if (!line.startsWith('Match'))
      expect(askUs(fileOf('Host !db2 *', line), host).settings.host.value).toBe('db2');
    else expect(askUs(fileOf(line), { host: 'db1' }).settings.host.value).toBe('db1');
  });

  it('is none when an earlier one has settled it', () => {
    const { settings } = askUs(
      fileOf('ProxyJump none', 'ProxyCommand nc %h %p', 'RevokedHostKeys none', 'RevokedHostKeys /x'),
      host,
    );
    expect(settings.jump.value).toEqual([]);
  });
});

describe('a line that ssh does not take either', () => {
  it.each([
    ['Port', 'Port has no argument'],
    ['Port 0', 'Port: "0" is no port'],
    ['Port 22 23', 'Port: it has more than one argument'],
    ['User a b', 'User: it has more than one argument'],
    ['HostName %z', 'the token %z is not supported there'],
    ['IdentitiesOnly maybe', 'IdentitiesOnly: "maybe" is neither yes nor no'],
    ['ConnectTimeout soon', 'ConnectTimeout: "soon" is no time'],
    ['AddressFamily ipx', 'AddressFamily: "ipx" is none of any, inet and inet6'],
    ['ProxyJump a,,b', 'ProxyJump: "a,,b" is no list of hosts'],
    [
      'UserKnownHostsFile ${NO_SUCH_VARIABLE}/x',
      'UserKnownHostsFile: there is no environment variable ${NO_SUCH_VARIABLE}',
    ],
    ['Match all host db2', 'all stands alone'],
    ['Match colour red', 'Match knows no "colour"'],
    ['Match host', 'host has no argument'],
  ])('%s is refused with file and line', async (line, wrong) => {
    const file = fileOf('# first', line);
    expect(askSsh(file, host)).toBeUndefined();
    expect(await faultOf(() => askUs(file, host))).toEqual({
      kind: 'settings',
      message: `cannot read line 2 of ${file}: ${wrong}`,
      detail: 'It is read to connect to the host db2.',
      hint: `Correct the line; ssh -G db2 says what ssh makes of it. ${orElse}`,
    });
  });
});

describe('a line that is written oddly', () => {
  it.each([
    "User 'replication'",
    'User repl\\ication',
    'User repl"ication"',
    'User " replication"',
    'User replication#x',
    'User replication #x',
    'User=replication',
    'User = replication',
    'User == replication',
    '"User" replication',
    'User\u00a0replication',
    'User replicati\u00f3n',
    'Host db2#x\nUser replication',
    'Host "db2"\nUser replication',
    'Host db=2 db2\nUser replication',
    "Host 'db2'\nUser replication",
    'Match host=db2\nUser replication',
    'Match host "db2"\nUser replication',
    'Match originalhost DB2\nUser replication',
    'Host DB2\nUser replication',
    'UserKnownHostsFile /a=b',
    'UserKnownHostsFile ""',
    'Port\n22',
    'Port ssh',
    'IdentityFile ~other/.ssh/id',
    'IdentityFile id_relative',
    'Include ~/no/such/* /no/such/file',
    '\fUser replication',
    'User replication\f',
    'User replication\r',
    'User a\rPort 23',
  ])('%j is read as ssh reads it, or refused', (text) => {
    const file = fileOf(text);
    let found: ReturnType<typeof inWordsOfSsh>;
    try {
      found = inWordsOfSsh(askUs(file, host));
    } catch (error) {
      if (!(error instanceof ProgramError)) throw error;
      return void expect(['settings', 'not-built']).toContain(error.kind);
    }
    expect(found).toEqual(askSsh(file, host));
  });
});

describe('the table of keywords', () => {
  it('has every keyword that the ssh of this machine prints', () => {
    const { stdout } = spawnSync('ssh', ['-G', '-F', '/dev/null', 'db2'], { encoding: 'utf8' });
    const printed = stdout.split('\n').flatMap((line) => line.split(' ')[0]!.toLowerCase() || []);
    expect(printed.length).toBeGreaterThan(60);
    expect(printed.filter((keyword) => treatmentOf(keyword) === undefined)).toEqual([]);
  });

  it('has none that ssh has never heard of, but for those of newer versions', () => {
    const newer = [
      'ChannelTimeout',
      'ObscureKeystrokeTiming',
      'RefuseConnection',
      'Tag',
      'VersionAddendum',
      'WarnWeakCrypto',
    ];
    const unknown = Object.keys(keywords).filter((keyword) => {
      const { stderr } = spawnSync('ssh', ['-G', '-F', fileOf(`${keyword} x`), 'db2'], { encoding: 'utf8' });
      return stderr.includes('Bad configuration option');
    });
    expect(unknown.filter((keyword) => !newer.includes(keyword))).toEqual([]);
  });
});

describe('files that include each other', () => {
  it('are refused before they go round for ever', async () => {
    const directory = join(sandbox.path, 'round');
    mkdirSync(directory, { recursive: true });
    const file = join(directory, 'config');
    writeFileSync(file, `Include ${file}\n`, { mode: 0o600 });
    expect((await faultOf(() => askUs(file, host))).message).toBe(
      `cannot read line 1 of ${file}: too many files include each other`,
    );
  });
});
