import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readRoadUrl } from '../../src/program/road-url.ts';

const example = 'such as ssh://postgres@db2/var/lib/postgresql/15/twowarm/archive';
const form = `write ssh://user@host:port and an absolute directory, ${example}`;
const password = `a password has no place in a URL: log in with a key, ${example}`;
const user = `the user is not a name: write @ in it as %40 and % as %25, ${example}`;
const host = `the host is not a name or an address: IPv6 stands in brackets, ${example}`;
const port = `the port must be a number from 1 to 65535, ${example}`;
const path = `the directory must be absolute, without "?", "#", control characters and the parts "." and "..", ${example}`;

describe('an ssh: URL', () => {
  it.each([
    ['ssh://db2/a/b', undefined, 'db2', undefined, '/a/b'],
    ['ssh://postgres@db2/a', 'postgres', 'db2', undefined, '/a'],
    ['SSH://postgres@DB2.Example.org:2222/A/', 'postgres', 'db2.example.org', 2222, '/A'],
    ['ssh://u@10.0.0.1:65535/a', 'u', '10.0.0.1', 65_535, '/a'],
    ['ssh://u@[::1]:22/a', 'u', '::1', 22, '/a'],
    ['ssh://[FE80::1%eth0]/a', undefined, 'fe80::1%eth0', undefined, '/a'],
    ['ssh://[::ffff:10.0.0.1]/a', undefined, '::ffff:10.0.0.1', undefined, '/a'],
    ['ssh://u%40corp.org@db2/a', 'u@corp.org', 'db2', undefined, '/a'],
    ['ssh://CORP%5Cu%25@db_2/a', 'CORP\\u%', 'db_2', undefined, '/a'],
    ['ssh://db2:22/a@b:c', undefined, 'db2', 22, '/a@b:c'],
    ['ssh://db2/my archive/50%20/..x/x..', undefined, 'db2', undefined, '/my archive/50%20/..x/x..'],
    ['ssh://db2/a//b', undefined, 'db2', undefined, '/a//b'],
    [
      example.slice('such as '.length),
      'postgres',
      'db2',
      undefined,
      '/var/lib/postgresql/15/twowarm/archive',
    ],
  ])('%s is a directory of another host', (url, who, where, number, directory) => {
    const road = readRoadUrl(url);
    const written = 'written' in road ? road.written : '';
    expect(road).toEqual({ kind: 'ssh', user: who, host: where, written, port: number, directory });
    expect(written.toLowerCase()).toBe(where);
  });

  it('keeps the host as it is written, because ssh_config knows capitals', () => {
    expect(readRoadUrl('SSH://postgres@DB2.Example.org/A')).toMatchObject({ written: 'DB2.Example.org' });
    expect(readRoadUrl('ssh://[FE80::1%eth0]/a')).toMatchObject({ written: 'FE80::1%eth0' });
  });

  it('is read the same way as an sftp: URL, which needs no receiver', () => {
    expect(readRoadUrl('SFTP://postgres@db2:2222/a/')).toEqual({
      kind: 'ssh',
      user: 'postgres',
      host: 'db2',
      written: 'db2',
      port: 2222,
      directory: '/a',
      isSftp: true,
    });
    expect(readRoadUrl('sftp://u:secret@db2/a')).toEqual({ kind: 'unusable', cure: password });
    expect(readRoadUrl('sftp:/a')).toEqual({ kind: 'unusable', cure: form });
  });

  it.each([
    ['ssh:', form],
    ['ssh:/a', form],
    ['ssh:db2/a', form],
    ['ssh://db2', form],
    ['ssh://db2/', form],
    ['ssh://db2//', form],
    ['ssh://u:secret@db2/a', password],
    ['ssh://u:@db2/a', password],
    ['ssh://:secret@db2/a', password],
    ['ssh://u:s/e@db2/a', password],
    ['ssh://@db2/a', user],
    ['ssh://a@b@db2/a', user],
    ['ssh://u%4@db2/a', user],
    ['ssh://u%00@db2/a', user],
    ['ssh://u%3Asecret@db2/a', user],
    ['ssh://-oProxyCommand=x@db2/a', user],
    ['ssh:///a', host],
    ['ssh://-oProxyCommand=x/a', host],
    ['ssh://u@db 2/a', host],
    ['ssh://db2%2e/a', host],
    ['ssh://::1/a', host],
    ['ssh://[]/a', host],
    ['ssh://[::1/a', host],
    ['ssh://[::1::2]/a', host],
    ['ssh://[db2]/a', host],
    ['ssh://[::1]x/a', host],
    ['ssh://db2:/a', port],
    ['ssh://db2:0/a', port],
    ['ssh://db2:022/a', port],
    ['ssh://db2:65536/a', port],
    ['ssh://db2:ssh/a', port],
    ['ssh://db2//a', path],
    ['ssh://db2?x=/a', path],
    ['ssh://db2/a?x=1', path],
    ['ssh://db2/a#x', path],
    ['ssh://db2/a/../b', path],
    ['ssh://db2/..', path],
    ['ssh://db2/a/./b', path],
    ['ssh://db2/a\nb', path],
    ['ssh://db2/a\n', path],
  ])('%j is of no use', (url, cure) => {
    expect(readRoadUrl(url)).toEqual({ kind: 'unusable', cure });
  });

  it('gives, whatever it is made of, nothing that a program or a shell could take for something else', () => {
    const piece = fc.constantFrom(
      '-',
      '@',
      ':',
      '/',
      '..',
      '.',
      '%',
      '%40',
      '[',
      ']',
      '\n',
      '?',
      'a',
      '22',
      '\0',
    );
    const noise = fc.oneof(piece, piece, fc.constant(''), fc.string({ unit: 'binary', maxLength: 3 }));
    let usable = 0;
    fc.assert(
      fc.property(noise, noise, noise, noise, noise, (a, b, c, d, e) => {
        const road = readRoadUrl(`ssh://${a}user${b}@${c}db2${d}/archive/${e}`);
        if (road.kind !== 'ssh') return void expect(road.kind).toBe('unusable');
        usable += 1;
        expect(road.user ?? 'u').toMatch(/^[^-\p{Cc}\s:/][^\p{Cc}\s:/]*$/u);
        expect(road.host).toMatch(/^[a-z0-9_:][a-z0-9._:%-]*$/);
        expect(road.written).toMatch(/^[A-Za-z0-9_:][A-Za-z0-9._:%-]*$/);
        expect(road.port ?? 22).toBeGreaterThan(0);
        expect(road.port ?? 22).toBeLessThan(65_536);
        expect(road.directory).toMatch(/^\/[^/]/);
        expect(road.directory.split('/')).not.toContain('..');
        expect(road.directory).not.toMatch(/[\p{Cc}?#]|\/$/u);
      }),
      { numRuns: 5000 },
    );
    expect(usable).toBeGreaterThan(20);
  });
});
