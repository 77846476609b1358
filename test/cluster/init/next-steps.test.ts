// What init says comes next: on a node whose data are yet to come, and on a primary.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { removeTree } from '../../harness/run-directory.ts';
import { answersFor, makeFresh, type Fresh } from './fresh.ts';

let fresh: Fresh;

beforeAll(() => {
  fresh = makeFresh('next');
  fresh.sandbox.directory('db2');
});
afterAll(() => fresh[Symbol.asyncDispose]());
beforeEach(() => {
  removeTree(fresh.path('twowarm'));
});

const bindir = ['--pg-bindir', '/opt/pg/bin'];
const answers = (): string[] => [...answersFor(fresh), ...bindir];

describe('what comes after twowarm init', () => {
  it('is configStandby on a standby whose data are yet to come; home and archive are made, and the check is left for later', async () => {
    const words = ['--role', 'standby', '--name', 'db2', '--destination', 'none', ...bindir];
    fresh.sandbox.directory('sub');
    const done = await fresh.twowarm(['init', '-D', fresh.path('sub/data'), ...words]);
    expect({ ...done, stdout: '' }).toEqual({
      code: 0,
      stdout: '',
      stderr: '',
      changed: ['created sub/twowarm', 'created sub/twowarm/archive', 'created sub/twowarm/twowarm.toml'],
    });
    expect(done.stdout.split('\n')[0]).toBe('db2 (standby): <>/sub/data: no data yet');
    expect(done.stdout.split('\n== For ')[0]).toMatch(
      /\n\n== postgresql\.conf\n# the primary's comes with the data; configStandby adds what a standby needs\n$/,
    );
    expect(done.stdout.slice(done.stdout.indexOf('\n== Next'))).toBe(`
== Next
copyToStandby on the primary brings the data; then here, which says what comes after it:
<twowarm>/bin/configStandby -D <>/sub/data
`);
  });

  it('is on a primary, behind the check, what starts the server again and what copies to each node', async () => {
    const words = [
      '--dr',
      `dr=file:${fresh.path('dr')}`,
      '--pgdata-of',
      'db2=/srv/db2',
      '--pgdata-of',
      'dr=/srv/dr',
    ];
    fresh.sandbox.directory('dr');
    const { code, stdout } = await fresh.init(
      ...answers(),
      ...words,
      '--start-command',
      'pg_ctlcluster 15 main start',
    );
    expect(code).toBe(0);
    expect(stdout.slice(stdout.indexOf('\n== Next'))).toBe(`
== Next
put the lines into postgresql.conf, or: twowarm init --apply-settings
start the server again (pg_ctlcluster 15 main restart), for archive_mode, wal_log_hints
once twowarm init was called on the other nodes, and the check here is well, their data directories:
<twowarm>/bin/copyToStandby -D <>/data db2
<twowarm>/bin/copyToDR -D <>/data dr
`);
    expect(stdout).toContain(
      '\n          HINT:  Start it: pg_ctlcluster 15 main start. Not where another node was promoted in its place: that one copies to it (copyToStandby) first.\n',
    );
  });
});
