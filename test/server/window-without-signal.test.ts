// Trap T10b, exactly in its window: at the end of recovery PostgreSQL removes the signal file (recovery.conf before 12)
// and only then asks for the history of the timeline it leaves. An exit code above 125 there is FATAL, and the next start
// would write on under the old timeline, without a history file: a fork under the same names.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import type { Cluster } from '../harness/cluster.ts';
import { findPostgres } from '../harness/postgres-binaries.ts';
import { makeSandbox, type Sandbox } from '../harness/sandbox.ts';
import {
  archiveOf,
  destination,
  expectRows,
  isMarkedForRecovery,
  makeStandby,
  restoreCommand,
  shipRows,
  startPrimary,
  timelineOf,
  waitForRows,
  waitUntilOpen,
} from './pair.ts';
import { majorsOf, turnOf } from '../harness/share.ts';

/** Loses the archive as soon as no signal file exists any more, and writes down each answer of restoreWALFile. */
function losingTheArchive(sandbox: Sandbox, archive: string, answers: string): string {
  const script = `#!/bin/sh
window=
if [ ! -e standby.signal ] && [ ! -e recovery.signal ] && [ ! -e recovery.conf ]; then
  window=' in the window'
  [ ! -e '${archive}' ] || mv '${archive}' '${archive}.away'
fi
${restoreCommand().replace('%f %p %r', '"$@"')}
code=$?
echo "$1 $code$window" >>'${answers}'
exit $code
`;
  return `${sandbox.file('losing/restore', script, 0o700)} %f %p %r`;
}

const historiesOf = ({ dataDirectory }: Cluster): string[] =>
  readdirSync(join(dataDirectory, 'pg_wal'))
    .filter((name) => name.endsWith('.history'))
    .sort();

/** On that timeline with its history, whole, also after its next start; and the trap was really there. */
async function expectOnTimeline(
  server: Cluster,
  { timeline, rows, answers }: { timeline: number; rows: number; answers: string },
): Promise<void> {
  const expectThere = async (): Promise<void> => {
    expect(await timelineOf(server)).toBe(timeline);
    expect(historiesOf(server)).toContain(`0000000${timeline}.history`);
    expect(isMarkedForRecovery(server)).toBe(false);
    await expectRows(server, rows);
  };
  await expectThere();
  await server.stop('fast');
  await server.start();
  await expectThere();
  const inWindow = readFileSync(answers, 'utf8').match(/^.* in the window$/gm);
  expect(inWindow).not.toBeNull();
  for (const answer of inWindow!) expect(answer).toMatch(/^0000000[12]\.history [01] /);
  expect(server.log()).not.toContain('FATAL:  could not restore file');
}

const majors = majorsOf([10, 12, 15, 18]);
const unknown = "[restore]\nretry_limit = '500ms'\n";

describe(
  'the archive that is lost between the signal file and the new timeline (trap T10b) never forks it',
  {
    concurrent: true,
    timeout: 120_000,
  },
  () => {
    it.each(turnOf(majors, 2, 0))('when a standby of PostgreSQL %i is promoted', async (major) => {
      await using sandbox = makeSandbox(`w${major}`);
      const answers = join(sandbox.directory('losing'), 'answers');
      const primary = await startPrimary(sandbox, { postgres: findPostgres(major) });
      const restore_command = losingTheArchive(sandbox, archiveOf(sandbox), answers);
      const standby = await makeStandby(primary, { toml: unknown, extra: { restore_command } });
      await standby.start();
      const rows = await shipRows(primary, 1000);
      await waitForRows(standby, rows);
      await primary.stop('fast');
      await standby.promote();
      expect(existsSync(archiveOf(sandbox))).toBe(false);
      await expectOnTimeline(standby, { timeline: 2, rows, answers });
    });

    it.each(turnOf(majors, 2, 1))('when PostgreSQL %i ends a recovery', async (major) => {
      await using sandbox = makeSandbox(`w${major}`);
      const answers = join(sandbox.directory('losing'), 'answers');
      const primary = await startPrimary(sandbox, { postgres: findPostgres(major) });
      const restore_command = losingTheArchive(sandbox, archiveOf(sandbox), answers);
      const restored = await makeStandby(primary, {
        mode: 'recovery',
        toml: unknown,
        extra: { restore_command },
      });
      const rows = await shipRows(primary, 1000);
      await primary.stop('fast');
      await restored.start();
      await waitUntilOpen(restored);
      expect(existsSync(archiveOf(sandbox))).toBe(false);
      await expectOnTimeline(restored, { timeline: 2, rows, answers });
    });

    it.each(turnOf(majors, 2, 2))(
      'when a standby of PostgreSQL %i leaves timeline 2, whose history is then found in pg_wal',
      async (major) => {
        await using sandbox = makeSandbox(`w${major}`);
        const answers = join(sandbox.directory('losing'), 'answers');
        const second = sandbox.directory('second/twowarm/archive');
        const primary = await startPrimary(sandbox, { postgres: findPostgres(major) });
        const first = await makeStandby(primary, { toml: destination(second) });
        await first.start();
        await waitForRows(first, await shipRows(primary, 500));
        await primary.stop('fast');
        await first.promote();

        const restore_command = losingTheArchive(sandbox, second, answers);
        const standby = await makeStandby(first, {
          name: 'second',
          toml: unknown,
          extra: { restore_command },
        });
        await standby.start();
        const rows = await shipRows(first, 500);
        await waitForRows(standby, rows);
        await standby.promote();
        expect(historiesOf(standby)).toEqual(['00000002.history', '00000003.history']);
        expect(readFileSync(answers, 'utf8')).toContain('00000002.history 0 in the window');
        await expectOnTimeline(standby, { timeline: 3, rows, answers });
      },
    );
  },
);
