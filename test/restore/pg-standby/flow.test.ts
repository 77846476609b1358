// pg_standby's way through a call: what is delivered at once, what is waited for and for how long, what is tried again.
import { chmodSync, existsSync, linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { refused, silent } from '../../harness/node-fixture.ts';
import { inTurn } from '../../harness/share.ts';
import { backupText, historyText, segmentBytes, segmentNamed } from '../../harness/wal-files.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { makePlace, name, target, type Place } from './fixture.ts';

let place: Place;
beforeAll(() => {
  place = makePlace('standby-flow');
});
beforeEach(() => {
  for (const directory of ['archive', 'work']) {
    rmSync(place.path(directory), { recursive: true, force: true });
    place.sandbox.directory(directory);
  }
  place.sandbox.directory('work/pg_wal');
});
afterAll(() => place[Symbol.asyncDispose]());

const delivered = silent([`created work/${target}`]);
const error = (message: string): string => `pg_standby: ERROR:  ${message}\n`;
const history = '00000002.history';

describe('a segment', () => {
  it('that is there is delivered at once, without a word', async () => {
    place.segment(name);
    expect(await place.ask()).toEqual(delivered);
    expect(readFileSync(place.path(`work/${target}`))).toEqual(segmentBytes(name));
  });

  it('replaces what is at its path, as cp did', async () => {
    place.segment(name);
    place.sandbox.file(`work/${target}`, 'old');
    expect(await place.ask()).toEqual(silent([`changed work/${target}`]));
  });

  it('may be asked for by an absolute path', async () => {
    place.segment(name);
    expect(await place.call(place.archive, name, place.path('work/other'))).toEqual(
      silent(['created work/other']),
    );
  });

  it('is waited for, and delivered the moment it is published, whatever the interval', async () => {
    const call = await place.waiting('-s', '60');
    place.sandbox.file('unfinished', segmentBytes(name));
    linkSync(place.path('unfinished'), place.path(`archive/${name}`));
    expect(await call.ended()).toEqual({ code: 0, signal: null, said: [] });
    expect(readFileSync(place.path(`work/${target}`))).toEqual(segmentBytes(name));
  });

  it('is found by the interval where no event tells of it', async () => {
    // The archive is a link when the waiting begins: the directory it leads to later gives no events.
    place.sandbox.directory('other');
    const call = await place.waiting('-s', '1');
    renameSync(place.archive, place.path('before'));
    place.sandbox.file(`other/${name}`, segmentBytes(name));
    renameSync(place.path('other'), place.archive);
    rmSync(place.path('before'), { recursive: true });
    expect(await call.ended()).toEqual({ code: 0, signal: null, said: [] });
  });
});

describe('-w', () => {
  const its = inTurn(2);
  its.each([
    // The first interval counts for nothing: it fires one late.
    [['-w', '1', '-s', '1'], 2],
    [['-w', '2', '-s', '2'], 2],
    [['-w', '1', '-s', '2'], 1],
    [['-w', '3', '-s', '1'], 4],
  ] as const)('%j gives up after %i intervals', async (words, intervals) => {
    const [, seconds] = words;
    const call = await place.waiting(...words);
    expect(await call.ended()).toEqual({
      code: 1,
      signal: null,
      said: [`pg_standby: LOG:  waited more than ${seconds} seconds for ${name}: fast failover`],
    });
    expect(call.intervals()).toBe(intervals - 1);
  });

  it('0 never gives up', async () => {
    const call = await place.waiting('-s', '1');
    await waitFor('two intervals', () => call.intervals() >= 2);
    call.kill('SIGTERM');
    expect(await call.ended()).toEqual({ code: null, signal: 'SIGTERM', said: [] });
  });
});

describe('a history file', () => {
  it('that is missing is answered at once, without a word', async () => {
    // Not after 30 s, as the defaults of the original took.
    const { ms } = await timed(() => place.call(place.archive, history, 'h'));
    expect(await place.call(place.archive, history, 'h')).toEqual(refused(1, ''));
    expect(await place.call(place.archive, '00000001.history', 'h')).toEqual(refused(1, ''));
    expect(ms).toBeLessThan(4000);
  });

  it('that is there is delivered', async () => {
    place.sandbox.file(`archive/${history}`, historyText());
    expect(await place.call(place.archive, history, 'h')).toEqual(silent(['created work/h']));
    expect(readFileSync(place.path('work/h'), 'utf8')).toBe(historyText());
  });

  it('is not held up by a trigger file, which stays as it is', async () => {
    place.sandbox.file(`archive/${history}`, historyText());
    place.sandbox.file('trigger', 'fast');
    const outcome = await place.call('-t', place.path('trigger'), place.archive, history, 'h');
    expect(outcome).toEqual(silent(['created work/h']));
  });

  it('that is cut short is tried -r times more, and is not delivered', async () => {
    place.sandbox.file(`archive/${history}`, historyText().slice(0, -4));
    const { code, stderr, changed } = await place.call(...['-d', '-r2', '-s1', place.archive, history, 'h']);
    expect({ code, changed }).toEqual({ code: 1, changed: [] });
    const attempts = [...stderr.matchAll(/\(attempt (\d) of 3\)$/gm)].map((match) => match[1]);
    expect(attempts).toEqual(['1', '2', '3']);
    expect(stderr).toContain(
      error(
        `will not restore "${place.archive}/${history}": it is not what its name says\n` +
          'DETAIL:  The history file is not whole: its last line is incomplete.',
      ),
    );
  });

  it('that becomes whole meanwhile is delivered', async () => {
    place.sandbox.file(`archive/${history}`, '');
    const call = place.call('-s1', '-r4', place.archive, history, 'h');
    await new Promise((resolve) => setTimeout(resolve, 500));
    writeFileSync(place.path(`archive/${history}`), historyText());
    expect(await call).toMatchObject({ code: 0, stderr: '' });
  });
});

describe.each([
  ['a .backup file', `${name}.00000028.backup`, backupText(name)],
  ['a .partial file', `${name}.partial`, segmentBytes(name)],
])('%s', (_, file, content) => {
  it('that is missing is not waited for', async () => {
    expect(await place.call(place.archive, file, 'x')).toEqual(refused(1, ''));
  });

  it('that is there is delivered', async () => {
    place.sandbox.file(`archive/${file}`, content);
    expect(await place.call(place.archive, file, 'x')).toEqual(silent(['created work/x']));
    expect(readFileSync(place.path('work/x'))).toEqual(Buffer.from(content));
  });
});

describe('a copy that fails', () => {
  const its = inTurn(2);
  const directory = 'missing/RECOVERYXLOG';

  its.each([
    [[], ['1', '2', '3', '4'], '4'],
    [['-r', '0'], ['1'], '1'],
    [['-r', '1'], ['1', '2'], '2'],
  ])('is tried again as %j says, then answered 1', async (words, expected, total) => {
    place.segment(name);
    // The pauses grow from none by an interval, which is why -s is 1 here: 0 + 1 + 2 + 3.
    const outcome = await place.call('-v3', '-s1', ...words, place.archive, name, directory);
    const attempts = [...outcome.stderr.matchAll(/\(attempt (\d) of (\d)\)$/gm)];
    expect(attempts.map((match) => match[1])).toEqual(expected);
    expect(attempts[0]![2]).toBe(total);
    const message = `could not copy "${place.archive}/${name}" to "${place.path(`work/${directory}`)}": No such file or directory`;
    expect(outcome).toMatchObject({ code: 1, changed: [] });
    expect(outcome.stderr.endsWith(error(message))).toBe(true);
  });

  it('leaves nothing beside the target', async () => {
    place.segment(name);
    // A directory at the path: the copy is whole and cannot be given its name.
    place.sandbox.directory(`work/${target}/in-the-way`);
    const outcome = await place.ask('-r0');
    const message = `could not copy "${place.archive}/${name}" to "${place.path(`work/${target}`)}": Is a directory`;
    expect(outcome).toEqual(refused(1, error(message)));
  });

  it('succeeds when what was in the way is gone', async () => {
    place.segment(name);
    chmodSync(place.path('work/pg_wal'), 0o500);
    const call = place.ask('-s1', '-r9');
    await new Promise((resolve) => setTimeout(resolve, 300));
    chmodSync(place.path('work/pg_wal'), 0o700);
    expect(await call).toMatchObject({ code: 0, stderr: '' });
    expect(existsSync(place.path(`work/${target}`))).toBe(true);
  });
});

describe('the archive', () => {
  it('is opened for reading only, and may be closed to writing', async () => {
    place.segment(name);
    place.sandbox.file(`archive/${history}`, historyText(), 0o400);
    chmodSync(place.path(`archive/${name}`), 0o400);
    chmodSync(place.archive, 0o500);
    const outcome = await place.ask();
    const second = await place.call(place.archive, history, 'h');
    chmodSync(place.archive, 0o700);
    expect(outcome).toEqual(delivered);
    expect(second).toEqual(silent(['created work/h']));
  });

  it('may hold any other file', async () => {
    place.segment(name);
    for (const other of ['README', `${segmentNamed(3)}.gz`, '.hidden'])
      place.sandbox.file(`archive/${other}`, 'x');
    expect(await place.call(place.archive, name, target, segmentNamed(0x20))).toEqual(delivered);
  });
});

describe('what a call that was killed left beside the target', () => {
  it('is removed by the next one, and nothing else is', async () => {
    const dead = '.tmp.RECOVERYXLOG.pg_standby.999999.12345.abcdef';
    const others = '.tmp.RECOVERYXLOG.0123456789abcdef.999999.12345.abcdef';
    for (const left of [dead, others]) place.sandbox.file(`${dirname(`work/${target}`)}/${left}`, 'x');
    place.segment(name);
    expect(await place.ask()).toEqual(silent([`removed work/pg_wal/${dead}`, `created work/${target}`]));
  });
});

async function timed<T>(work: () => Promise<T>): Promise<{ value: T; ms: number }> {
  const startedAt = performance.now();
  const value = await work();
  return { value, ms: performance.now() - startedAt };
}
