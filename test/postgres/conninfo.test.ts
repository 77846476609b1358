// libpq's two forms of a connection string, its quoting, and what of it is refused without being repeated.
import { describe, expect, it } from 'vitest';
import { parseConninfo } from '../../src/postgres/conninfo.ts';

const socket = { host: '/var/run/postgresql', dbname: 'postgres' };

describe('a connection string', () => {
  it.each([
    ['host=/var/run/postgresql dbname=postgres', socket],
    ["  host = '/var/run/postgresql'\tdbname= postgres  ", socket],
    ["password='it''s' user=a", undefined],
    [String.raw`password='it\'s \\ it' user=a`, { password: String.raw`it's \ it`, user: 'a' }],
    [String.raw`password=a\ b user=a`, { password: 'a b', user: 'a' }],
    ["options='-c search_path=x' port=5433", { options: '-c search_path=x', port: '5433' }],
    ["user='' dbname=postgres", { user: '', dbname: 'postgres' }],
    ['', {}],
    ['connect_timeout=10 application_name=x host=a', { host: 'a' }],
    ['host', undefined],
    ["host='a", undefined],
    ['postgresql://', {}],
    ['postgres:///postgres?host=/var/run/postgresql', socket],
    ['postgresql://%2Fvar%2Frun%2Fpostgresql/postgres', socket],
    [
      'postgresql://u:p%40ss@localhost:5433/db?sslmode=require',
      { user: 'u', password: 'p@ss', host: 'localhost', port: '5433', dbname: 'db', sslmode: 'require' },
    ],
    ['postgresql://[::1]:5433', { host: '::1', port: '5433' }],
    ['postgresql://a,b/db', undefined],
    ['postgresql://a/db?x', undefined],
    ['postgresql://a/%zz', undefined],
    ['service=x', undefined],
    ['hots=x', undefined],
  ])('%j', (text, meant) => {
    if (meant !== undefined) return expect(parseConninfo(text)).toEqual(meant);
    expect(() => parseConninfo(text)).toThrow(/^cannot use node\.conninfo: /);
  });

  it('that is refused is not repeated: it may hold a password', () => {
    expect(() => parseConninfo("password=secret user='")).toThrow(/^((?!secret).)*$/s);
  });
});
