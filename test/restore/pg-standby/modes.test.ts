// What pg_standby does where its exit code would open the database or stop a standby: in a data directory, in each mode of
// recovery, while the archive cannot be read, and when something of its own is wrong.
import { chmodSync, existsSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { refused, silent, type Mode } from '../../harness/node-fixture.ts';
import { inTurn, placeOf } from '../../harness/share.ts';
import { backupText, historyText, segmentBytes } from '../../harness/wal-files.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { makePlace, name, target, type Place } from './fixture.ts';

let place: Place;
beforeEach(() => {
  place = makePlace('standby-modes');
});
afterEach(() => place[Symbol.asyncDispose]());

const error = (message: string): string => `pg_standby: ERROR:  ${message}\n`;
const warning = (message: string): string => `pg_standby: WARNING:  ${message}`;
const tryHelp = 'HINT:  Try "pg_standby --help" for more information.\n';
const history = '00000002.history';

/** Ways to make the archive unreadable while somebody waits, the reason that is told, and the way back. */
const troubles: [string, () => void, () => string, () => void][] = [
  [
    'its directory vanishes',
    () => renameSync(place.archive, place.path('away')),
    () => `could not look into the archive "${place.archive}": No such file or directory`,
    () => renameSync(place.path('away'), place.archive),
  ],
  [
    'its directory is closed',
    () => chmodSync(place.archive, 0o000),
    () => `could not read "${place.archive}/${name}": Permission denied`,
    () => chmodSync(place.archive, 0o700),
  ],
  [
    'the file is closed',
    () => place.sandbox.file(`archive/${name}`, segmentBytes(name), 0o000),
    () => `could not read "${place.archive}/${name}": Permission denied`,
    () => rmSync(place.path(`archive/${name}`)),
  ],
  [
    'the file is a link that leads in a circle',
    () => symlinkSync(name, place.path(`archive/${name}`)),
    () => `could not read "${place.archive}/${name}": Too many levels of symbolic links`,
    () => rmSync(place.path(`archive/${name}`)),
  ],
  [
    'a directory has its name',
    () => place.sandbox.directory(`archive/${name}`),
    () => `"${place.archive}/${name}" is not a regular file`,
    () => rmSync(place.path(`archive/${name}`), { recursive: true }),
  ],
];

describe.each(troubles)('while an archive cannot be read because %s', (trouble, begin, reason, end) => {
  const its = inTurn(
    3,
    troubles.findIndex(([each]) => each === trouble),
  );
  its.each(['standby', 'recovery'] as Mode[])('%s is not answered, and goes on when it can', async (mode) => {
    place.dataDirectory(mode);
    const call = await place.waiting('-s1');
    begin();
    await waitFor('two more intervals', () => call.intervals() >= 3);
    end();
    place.sandbox.file('whole', segmentBytes(name));
    place.publish('whole', name);
    expect(await call.ended()).toEqual({ code: 0, signal: null, said: [warning(reason())] });
  });

  its('smart does not take it for the end of the WAL', async () => {
    place.sandbox.file('trigger', '');
    place.dataDirectory('recovery');
    begin();
    const call = await place.waiting('-s1', '-t', '../trigger');
    await waitFor('two intervals', () => call.intervals() >= 2);
    call.kill('SIGUSR1');
    const { code, said } = await call.ended();
    end();
    expect(code).toBe(1);
    expect(said).toContain(warning(reason()));
  });
});

describe('an archive that is missing from the start', () => {
  it.each(['standby', 'none'] as Mode[])('is answered 2 under %s', async (mode) => {
    place.dataDirectory(mode);
    rmSync(place.archive, { recursive: true });
    const message = `could not look into the archive "${place.archive}": No such file or directory`;
    expect(await place.ask()).toEqual(refused(2, error(message)));
  });

  it('is waited for under recovery, where 2 would open the database', async () => {
    place.dataDirectory('recovery');
    renameSync(place.archive, place.path('away'));
    const call = await place.waiting('-s1');
    await waitFor('two intervals', () => call.intervals() >= 2);
    renameSync(place.path('away'), place.archive);
    place.segment(name);
    expect(await call.ended()).toMatchObject({ code: 0, signal: null });
  });
});

/** The codes that are not the end of the WAL. */
describe.each([
  ['standby', 1, 2, 3],
  ['none', 1, 2, 3],
  ['recovery', 200, 200, 200],
] as const)('under %s', (mode, notCopied, fault, tooLarge) => {
  const its = inTurn(3, placeOf[mode]);
  beforeEach(() => place.dataDirectory(mode));

  its(`a wrong command line is answered ${fault}`, async () => {
    const said = error(`"x" is not the name of a WAL file`) + tryHelp;
    expect(await place.call(place.archive, 'x', target)).toEqual(refused(fault, said));
  });

  its(`a pg_control that cannot be read is answered ${fault}`, async () => {
    place.segment(name);
    rmSync(place.path('work/global/pg_control'));
    const said = error(`could not read ${place.work}/global/pg_control: No such file or directory`);
    expect(await place.ask()).toEqual(refused(fault, said));
  });

  its(`a segment that is too large is answered ${tooLarge}`, async () => {
    place.sandbox.file(`archive/${name}`, Buffer.concat([segmentBytes(name), Buffer.from('x')]));
    expect(await place.ask()).toMatchObject({ code: tooLarge, changed: [] });
  });

  its(`a history file that cannot be read is answered ${notCopied}`, async () => {
    place.sandbox.file(`archive/${history}`, historyText(), 0o000);
    const said = error(`could not read "${place.archive}/${history}": Permission denied`);
    const outcome = await place.call('-r1', '-s1', place.archive, history, 'h');
    expect(outcome).toEqual(refused(notCopied, said));
  });

  its('a history, backup or partial file that is missing is answered 1', async () => {
    for (const file of [history, `${name}.00000028.backup`, `${name}.partial`])
      expect(await place.call(place.archive, file, 'x')).toEqual(refused(1, ''));
  });

  its('everything that is there is restored', async () => {
    place.segment(name);
    place.sandbox.file(`archive/${history}`, historyText());
    place.sandbox.file(`archive/${name}.00000028.backup`, backupText(name));
    expect(await place.ask()).toEqual(silent([`created work/${target}`]));
    for (const file of [history, `${name}.00000028.backup`])
      expect(await place.call(place.archive, file, file)).toEqual(silent([`created work/${file}`]));
  });
});

describe('a copy that fails', () => {
  it('is answered 1 under standby', async () => {
    place.dataDirectory('standby');
    place.segment(name);
    const outcome = await place.call('-r0', place.archive, name, 'missing/x');
    const message = `could not copy "${place.archive}/${name}" to "${place.work}/missing/x": No such file or directory`;
    expect(outcome).toEqual(refused(1, error(message)));
  });

  it('is waited through under recovery, where 1 would open the database', async () => {
    place.dataDirectory('recovery');
    place.segment(name);
    const call = place.start('-r0', '-s1');
    rmSync(place.path('work/pg_wal'), { recursive: true });
    await new Promise((resolve) => setTimeout(resolve, 1500));
    place.sandbox.directory('work/pg_wal');
    const { code, stderr } = await call.result;
    expect(code).toBe(0);
    const message = `could not copy "${place.archive}/${name}" to "${place.path(`work/${target}`)}": No such file or directory`;
    expect(stderr).toBe(`${warning(message)}\n`);
    expect(existsSync(place.path(`work/${target}`))).toBe(true);
  });
});

describe('without a signal file', () => {
  beforeEach(() => place.dataDirectory('none'));

  it('nothing is waited for', async () => {
    expect(await place.ask()).toEqual(refused(1, ''));
  });

  it('what cannot be known is answered 1 and said', async () => {
    place.sandbox.file(`archive/${name}`, segmentBytes(name), 0o000);
    const said = error(`could not read "${place.archive}/${name}": Permission denied`);
    expect(await place.ask()).toEqual(refused(1, said));
  });
});
