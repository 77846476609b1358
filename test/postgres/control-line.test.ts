// The line that starts, stops or reloads a server: the configured one, Debian's, else pg_ctl's.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { controlLine } from '../../src/postgres/control-line.ts';
import { makeSandbox, type Sandbox } from '../harness/sandbox.ts';

let sandbox: Sandbox;
let [root, known, unknown]: [string, string, string] = ['', '', ''];
beforeAll(() => {
  sandbox = makeSandbox('control-line');
  const make = (name: string): string => {
    sandbox.file(`${name}/PG_VERSION`, '15\n');
    return `${sandbox.path}/${name}`;
  };
  [root, known, unknown] = [`${sandbox.path}/etc`, make('lib/15/main'), make('other')];
  sandbox.file('etc/15/main/postgresql.conf', `data_directory = '${known}'\n`);
});
afterAll(() => sandbox.dispose());

const commands = { start: 'sudo systemctl start pg', stop: undefined, reload: undefined };

it('is what is configured, and restarts by the line that starts', () => {
  const of = { dataDirectory: known, server: { commands } };
  expect(controlLine('start', of, root)).toBe('sudo systemctl start pg');
  expect(controlLine('restart', of, root)).toBe('sudo systemctl restart pg');
});

it("is pg_ctlcluster's where Debian keeps the configuration of that data directory and nothing is configured", () => {
  for (const action of ['start', 'stop', 'reload', 'restart'] as const)
    expect(controlLine(action, { dataDirectory: known }, root)).toBe(`pg_ctlcluster 15 main ${action}`);
  expect(controlLine('stop', { dataDirectory: known, server: { commands } }, root)).toBe(
    'pg_ctlcluster 15 main stop',
  );
});

it("is pg_ctl's elsewhere, also of a directory that is not there", () => {
  expect(controlLine('reload', { dataDirectory: unknown }, root)).toBe(`pg_ctl reload -D ${unknown}`);
  const nowhere = `${sandbox.path}/no where`;
  expect(controlLine('start', { dataDirectory: nowhere }, root)).toBe(`pg_ctl start -D '${nowhere}'`);
});
