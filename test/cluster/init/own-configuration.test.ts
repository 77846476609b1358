// twowarm init on a node that is configured already: without an answer it shows everything again, and changes nothing.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readFileSync } from 'node:fs';
import { answersFor, beforeCheck, makeFresh, type Fresh } from './fresh.ts';

let fresh: Fresh;

beforeAll(async () => {
  fresh = makeFresh('again');
  fresh.sandbox.directory('db2');
});
afterAll(() => fresh[Symbol.asyncDispose]());

const more = (): string[] => [
  ...[
    '--dr',
    `dr=file:${fresh.path('dr')}`,
    '--pgdata-of',
    'dr=/srv/dr',
    '--source',
    `file:${fresh.path('db2')}`,
  ],
  ...[
    '--pg-bindir',
    '/opt/pg/bin',
    '--conninfo',
    'dbname=x',
    '--start-command',
    'start it',
    '--stop-command',
    'stop it',
  ],
  ...[
    '--reload-command',
    'reload it',
    '--arbiter',
    `file:${fresh.path('db2')}`,
    '--identity',
    '/k',
    '--copy-identity',
    '/c',
    '--known-hosts',
    '/h',
  ],
];

describe('twowarm init called again', () => {
  it('takes every answer from the configuration, and says the same', async () => {
    const first = await fresh.init(...answersFor(fresh), ...more());
    expect(first.code).toBe(0);
    const again = await fresh.init();
    expect({ code: again.code, stderr: again.stderr, changed: again.changed }).toEqual({
      code: 0,
      stderr: '',
      changed: [],
    });
    const withoutMade = (text: string): string =>
      beforeCheck(text)
        .replace(/\n== Made\n[^]*?\n(?=\n==)/, '')
        .replace('twowarm.toml, written', 'twowarm.toml, was there already');
    expect(withoutMade(again.stdout)).toBe(withoutMade(first.stdout));
    expect(again.stdout).toContain('\n<twowarm>/bin/copyToDR -D <>/data dr\n');
  });

  it('leaves what a person has changed in it, and takes it', async () => {
    const file = fresh.path('twowarm/twowarm.toml');
    const text = readFileSync(file, 'utf8').replace("name = 'db1'", "name = 'db7' # mine");
    fresh.sandbox.file('twowarm/twowarm.toml', text);
    const again = await fresh.init('--yes');
    expect({ code: again.code, changed: again.changed, first: again.stdout.split(':')[0] }).toEqual({
      code: 0,
      changed: [],
      first: 'db7 (primary)',
    });
    expect(readFileSync(file, 'utf8')).toBe(text);
  });

  it('needs them all again where one of them is given, and says what is wrong in the file', async () => {
    const { code, stderr } = await fresh.init('--name', 'db8');
    expect({ code, stderr: stderr.split('\n')[0] }).toEqual({
      code: 2,
      stderr: 'twowarm init: ERROR:  missing answers: --role (primary), --destination',
    });
    fresh.sandbox.file('twowarm/twowarm.toml', '[node]\nnam = 1\n');
    const broken = await fresh.init();
    expect(broken.code).toBe(3);
    expect(broken.stderr).toContain('did you mean "name"?');
  });
});
