// What our reading of known_hosts says, beside what OpenSSH says of the same file and the same key.
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  judgeHostKey,
  keyTypesOf,
  parseKnownHosts,
  type KnownHosts,
} from '../../../src/transport/ssh/known-hosts.ts';
import { run } from '../../harness/run.ts';
import { makeSandbox, type Sandbox } from '../../harness/sandbox.ts';
import { inTurn } from '../../harness/share.ts';
import { keygen, makeSshKey } from '../../harness/ssh-keys.ts';
import { startSshd, type Sshd } from '../../harness/sshd.ts';

let sandbox: Sandbox;
let server: Sshd;
/** 'ssh-ed25519 AAAA…' of keys that the server does not have, and of its own. */
const keys: Record<string, string> = {};

const parsed = (text: string): KnownHosts => parseKnownHosts([{ path: 'known_hosts', text }]);
const bytesOf = (publicLine: string): Buffer => Buffer.from(publicLine.split(' ')[1]!, 'base64');
const withoutComment = (publicLine: string): string => publicLine.split(' ').slice(0, 2).join(' ');

beforeAll(async () => {
  sandbox = makeSandbox('known-hosts');
  server = await startSshd(sandbox, { hostKeyTypes: ['ed25519', 'rsa'] });
  for (const line of server.hostKeys())
    keys[line.startsWith('ssh-rsa') ? 'OWNRSA' : 'OWN'] = withoutComment(line);
  for (const [name, type] of [
    ['OTHER', 'ed25519'],
    ['OTHERRSA', 'rsa'],
    ['ECDSA', 'ecdsa'],
  ] as const)
    keys[name] = withoutComment((await makeSshKey(sandbox, name, { type: type })).publicLine);
});

afterAll(async () => {
  await server.stop();
  await sandbox.dispose();
});

/** Words in capitals are keys; PORT is the server's. */
const filled = (text: string): string =>
  text.replace(/\b[A-Z]{3,}\b/g, (word) => (word === 'PORT' ? String(server.port) : (keys[word] ?? word)));

let files = 0;
const fileOf = (text: string): string => sandbox.file(`files/${(files += 1)}`, text);

/** What ssh says of the server's ed25519 key. `alias` is looked up in its place, as a name at port 22. */
async function askSsh(text: string, alias: string | undefined): Promise<string> {
  const { code, stderr } = await run('ssh', [
    ...['-o', 'HostKeyAlgorithms=ssh-ed25519', '-o', `UserKnownHostsFile=${fileOf(text)}`],
    ...(alias === undefined ? [] : ['-o', `HostKeyAlias=${alias}`]),
    ...[...server.clientOptions, '127.0.0.1', 'true'],
  ]);
  if (code === 0) return 'known';
  if (stderr.includes('REVOKED HOST KEY DETECTED')) return 'revoked';
  if (stderr.includes('REMOTE HOST IDENTIFICATION HAS CHANGED')) return 'changed';
  return stderr.includes('No ED25519 host key is known for') ? 'unknown' : stderr;
}

describe.concurrent('as OpenSSH does, a host key is judged', () => {
  inTurn(3).each([
    // [what ssh looks up, or undefined for [127.0.0.1]:PORT; the file; the answer]
    [undefined, '[127.0.0.1]:PORT OWN\n', 'known'],
    [undefined, '[127.0.0.1]:PORT OWN', 'known'],
    [undefined, '[127.0.0.1]:PORT OTHER\n', 'changed'],
    [undefined, '[127.0.0.1]:PORT OTHER\n[127.0.0.1]:PORT OWN\n', 'known'],
    [undefined, '[127.0.0.1]:1 OWN\n', 'unknown'],
    [undefined, '127.0.0.1 OWN\n', 'known'],
    [undefined, '127.0.0.1 OTHER\n', 'unknown'],
    [undefined, '127.0.0.1 OWN\n[127.0.0.1]:PORT OTHER\n', 'changed'],
    [undefined, '[127.0.0.*]:PORT OWN\n', 'known'],
    [undefined, '[*]:PORT OWN\n', 'known'],
    [undefined, '*:PORT OWN\n', 'known'],
    [undefined, '[127.0.0.1]:PORT OWN\n@revoked [127.0.0.1]:PORT OWN\n', 'revoked'],
    [undefined, '[127.0.0.1]:PORT OWN\n@revoked 127.0.0.1 OWN\n', 'known'],
    [undefined, '[127.0.0.1]:PORT OWN\n@revoked * OWN\n', 'revoked'],
    [undefined, '', 'unknown'],
    ['db2', 'db2 OWN\n', 'known'],
    ['db2', 'db2 OWN a comment with words\n', 'known'],
    ['db2', 'db2\tOWN\n', 'known'],
    ['db2', '  \t db2  \t OWN\n', 'known'],
    ['db2', 'db2 OWN\r\n', 'known'],
    ['db2', 'DB2 OWN\n', 'known'],
    ['DB2', 'db2 OWN\n', 'known'],
    ['db2', 'db2 OTHER\n', 'changed'],
    ['db2', 'db2 OTHERRSA\n', 'changed'],
    ['db2', 'db2 OWNRSA\n', 'changed'],
    ['db2', 'db2 OTHERRSA\ndb2 ECDSA\ndb2 OWN\n', 'known'],
    ['db2', 'db2 OTHER\n# db2 OWN\n', 'changed'],
    ['db2', '# db2 OWN\n', 'unknown'],
    ['db2', 'db3 OWN\n', 'unknown'],
    ['db2', 'db2.example.org OWN\n', 'unknown'],
    ['db2', 'db1,db2,db3 OWN\n', 'known'],
    ['db2', 'db1, db2 OWN\n', 'unknown'],
    ['db2', 'db? OWN\n', 'known'],
    ['db2', 'db?? OWN\n', 'unknown'],
    ['db2', '* OWN\n', 'known'],
    ['db2', '*,!db2 OWN\n', 'unknown'],
    ['db2', '!db2,* OWN\n', 'unknown'],
    ['db2', '*,!db3 OWN\n', 'known'],
    ['db2', '!db3 OWN\n', 'unknown'],
    ['db2', '!db2 OWN\ndb2 OWN\n', 'known'],
    ['db2', '*,!DB2 OTHER\ndb2 OWN\n', 'known'],
    ['db2.example.org', '*.example.org OWN\n', 'known'],
    ['db2.example.org', 'd*.*p*.o?g OWN\n', 'known'],
    ['db2.example.org', '*.example.com OWN\n', 'unknown'],
    ['db2', '@revoked db2 OWN\n', 'revoked'],
    ['db2', '@revoked db2 OWN\ndb2 OWN\n', 'revoked'],
    ['db2', '@revoked db3 OWN\ndb2 OWN\n', 'known'],
    ['db2', '@revoked db2 OTHER\ndb2 OWN\n', 'known'],
    ['db2', '@revoked db2 OTHER\n', 'unknown'],
    ['db2', '@cert-authority db2 OWN\n', 'unknown'],
    ['db2', '@cert-authority db2 OTHER\ndb2 OWN\n', 'known'],
    ['db2', '@unheard-of db2 OWN\n', 'unknown'],
    ['db2', '@revoked @cert-authority db2 OWN\ndb2 OWN\n', 'known'],
    ['db2', '@revoked\ndb2 OWN\n', 'known'],
    ['db2', 'db2\ndb2 ssh-ed25519\ndb2 ssh-ed25519 AAAA\ndb2 OWN\n', 'known'],
    ['db2', 'db2 ssh-rsa AAAAB3NzaC1yc2E=\n', 'unknown'],
    ['db2', 'db2 ssh-unheard-of AAAAB3NzaC1yc2E=\n', 'unknown'],
    ['db2', '|1|AAAA|BBBB OWN\n', 'unknown'],
    ['db2', '|2|x|y OWN\ndb2 OWN\n', 'known'],
    ['db2', 'db2\0 OTHER\ndb2 OWN\n', 'known'],
  ])('%s in %j: %s', async (alias, written, state) => {
    const text = filled(written);
    expect(await askSsh(text, alias)).toBe(state);
    const asked = alias === undefined ? { host: '127.0.0.1', port: server.port } : { host: alias, port: 22 };
    expect(judgeHostKey(parsed(text), asked, bytesOf(keys['OWN']!)).state).toBe(state);
  });

  inTurn(3).each([undefined, 'db2'])('%s in a file whose names are hashed', async (alias) => {
    const name = alias ?? `[127.0.0.1]:${server.port}`;
    const asked = alias === undefined ? { host: '127.0.0.1', port: server.port } : { host: alias, port: 22 };
    const file = fileOf(`db1,${name},db3 ${keys['OWN']} comment\nother ${keys['OTHER']}\n`);
    await keygen(['-H', '-f', file]);
    const text = readFileSync(file, 'utf8');
    expect(text).toMatch(/^(\|1\|\S+ ssh-ed25519 [^\n]+\n){4}$/);
    expect(await askSsh(text, alias)).toBe('known');
    const place = /Host \S+ found: line (\d)/.exec(await keygen(['-F', name, '-f', file]))?.[1];
    expect(judgeHostKey(parsed(text), asked, bytesOf(keys['OWN']!))).toMatchObject({
      state: 'known',
      recorded: { file: 'known_hosts', line: Number(place), keyType: 'ssh-ed25519' },
    });
    expect(judgeHostKey(parsed(text), asked, bytesOf(keys['OTHER']!)).state).toBe('changed');
    expect(judgeHostKey(parsed(text), { host: 'db4', port: 22 }, bytesOf(keys['OWN']!)).state).toBe(
      'unknown',
    );
    const revoked = `${text.replaceAll(/^/gm, '@revoked ')}\n${text}`;
    expect(await askSsh(revoked, alias)).toBe('revoked');
    expect(judgeHostKey(parsed(revoked), asked, bytesOf(keys['OWN']!)).state).toBe('revoked');
  });
});

describe('the answer', () => {
  const db2 = { host: 'db2', port: 22 };

  it('names the keys that are recorded instead, those of the same type first', () => {
    const text = filled('db2 ECDSA\n\ndb2 OTHER\ndb3 OTHERRSA\n');
    expect(judgeHostKey(parsed(text), db2, bytesOf(keys['OWN']!))).toMatchObject({
      state: 'changed',
      recorded: [
        { line: 3, keyType: 'ssh-ed25519', key: bytesOf(keys['OTHER']!) },
        { line: 1, keyType: 'ecdsa-sha2-nistp256', key: bytesOf(keys['ECDSA']!) },
      ],
    });
  });

  it('names the certificate authority that is not supported, also the one of a host without a port', () => {
    const known = parsed(filled('# ours\n@cert-authority *.org,db2 OTHER\n'));
    const authority = { file: 'known_hosts', line: 2 };
    for (const port of [22, 2222]) {
      expect(judgeHostKey(known, { host: 'db2', port }, bytesOf(keys['OWN']!))).toMatchObject({
        state: 'unknown',
        authority,
      });
    }
    expect(judgeHostKey(known, { host: 'db3', port: 22 }, bytesOf(keys['OWN']!))).toEqual({
      state: 'unknown',
      authority: undefined,
    });
  });

  it('is stricter than that of OpenSSH where a tab follows the marker: OpenSSH passes such a line over', async () => {
    const text = filled('@revoked\tdb2 OWN\ndb2 OWN\n');
    expect(await askSsh(text, 'db2')).toBe('known');
    expect(judgeHostKey(parsed(text), db2, bytesOf(keys['OWN']!)).state).toBe('revoked');
  });

  it('weighs several files as one: a key that any of them revokes is revoked', () => {
    const texts = ['db2 OWN\n', '\n@revoked * OWN\n'].map(filled);
    const known = parseKnownHosts(texts.map((text, index) => ({ path: `file ${index}`, text })));
    expect(judgeHostKey(known, db2, bytesOf(keys['OWN']!))).toMatchObject({
      state: 'revoked',
      recorded: { file: 'file 1', line: 2 },
    });
  });

  it('reports every line that it passed over', () => {
    const text = filled(
      'db2 OWN\n@unheard db2 OWN\ndb2\n|1|a|b OWN\ndb2 ssh-rsa AAAAB3NzaC1yc2E=\n@revoked @revoked db2 OWN\ndb2 ssh-ed25519 A*\n',
    );
    expect(parsed(text).damaged).toEqual([
      { file: 'known_hosts', line: 2, reason: 'unknown marker' },
      { file: 'known_hosts', line: 3, reason: 'damaged key' },
      { file: 'known_hosts', line: 4, reason: 'damaged hash of a host name' },
      { file: 'known_hosts', line: 5, reason: 'the key is not one of its type' },
      { file: 'known_hosts', line: 6, reason: 'more than one marker' },
      { file: 'known_hosts', line: 7, reason: 'damaged key' },
    ]);
  });

  it('is that a server may have several keys, of which the recorded ones are asked for', () => {
    const types = (text: string, port = 22): string[] =>
      keyTypesOf(parsed(filled(text)), { host: 'db2', port });
    expect(types('')).toEqual([]);
    expect(types('db3 OWN\n')).toEqual([]);
    expect(types('db2 OWNRSA\ndb2 OWN\n*,!db3 OTHER\n')).toEqual(['ssh-rsa', 'ssh-ed25519']);
    expect(types('@revoked * OWN\ndb2 OWN\ndb2 ECDSA\n@cert-authority db2 OWNRSA\n')).toEqual([
      'ecdsa-sha2-nistp256',
    ]);
    expect(types('db2 OWN\n', 2222)).toEqual(['ssh-ed25519']);
    expect(types('db2 OWN\n[db2]:2222 OWNRSA\n', 2222)).toEqual(['ssh-rsa']);
    expect(types('[db2]:2222 OWNRSA\n')).toEqual([]);
  });
});

describe('whatever a file holds', () => {
  const piece = fc.oneof(
    fc.constantFrom(
      '@revoked',
      '@',
      '|1|',
      '|',
      ' ',
      '\t',
      '\n',
      '\r',
      '\0',
      '#',
      '!',
      '*',
      '?',
      ',',
      'db2',
      '[db2]:22',
    ),
    fc.constantFrom('ssh-ed25519', 'AAAAC3NzaC1lZDI1NTE5', '====', '__proto__', 'constructor'),
    fc.string({ unit: 'binary' }),
  );
  const file = fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join(''));

  it('a key that is not in it is never known, and the good lines around it count', () => {
    const key = bytesOf(keys['OWN']!);
    fc.assert(
      fc.property(file, file, (before, after) => {
        const db2 = { host: 'db2', port: 22 };
        const other = judgeHostKey(parsed(`${before}\n${after}`), db2, key);
        expect(other.state).toBe('unknown');
        const known = parsed(`${before}\ndb2 ${keys['OWN']}\n${after}`);
        expect(judgeHostKey(known, db2, key).state).toBe('known');
        expect(judgeHostKey(known, db2, bytesOf(keys['OTHER']!)).state).toBe('changed');
      }),
      { numRuns: 2000 },
    );
  });

  it('a pattern of many stars takes no time', () => {
    const known = parsed(`${'*a'.repeat(5_000)} ${keys['OWN']}\n`);
    const started = performance.now();
    expect(judgeHostKey(known, { host: 'a'.repeat(4_999), port: 22 }, bytesOf(keys['OWN']!)).state).toBe(
      'unknown',
    );
    expect(performance.now() - started).toBeLessThan(5_000);
  });
});
