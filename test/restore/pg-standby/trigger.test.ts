// pg_standby's trigger file, its signals, and the server's own promotion: what ends the waiting, and how.
import { readFileSync, rmSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { refused, silent } from '../../harness/node-fixture.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { makePlace, name, target, type Place } from './fixture.ts';

let place: Place;
let trigger: string;
beforeEach(() => {
  place = makePlace('standby-trigger');
  trigger = place.path('trigger');
});
afterEach(() => place[Symbol.asyncDispose]());

const found = (failover: string): string =>
  `pg_standby: LOG:  found the trigger file "${trigger}": ${failover} failover\n`;
const write = (content: string, mode?: number): string => place.sandbox.file('trigger', content, mode);
/** Published under its name at once, so that nobody reads half a word. */
const publish = (content: string): void => {
  place.sandbox.file('new-trigger', content);
  renameSync(place.path('new-trigger'), trigger);
};

describe('a smart trigger', () => {
  it.each([
    ['empty', ''],
    ['"smart"', 'smart'],
    ['"smart" and a line feed', 'smart\n'],
    ['"smartly"', 'smartly'],
  ])('(%s) lets what is there be restored and ends at the first missing file', async (_, content) => {
    write(content);
    const missing = await place.ask('-t', trigger);
    expect(missing).toEqual(refused(1, found('smart')));
    place.segment(name);
    const there = await place.ask('-t', trigger);
    expect(there).toEqual({ ...silent([`created work/${target}`]), stderr: found('smart') });
    expect(readFileSync(trigger, 'utf8')).toBe(content);
  });

  it('ends a waiting at once, whatever the interval', async () => {
    const call = await place.waiting('-s60', '-t', trigger);
    publish('smart\n');
    expect(await call.ended()).toEqual({ code: 1, signal: null, said: [found('smart').trimEnd()] });
  });

  it('is seen by the interval where no event tells of it', async () => {
    const call = await place.waiting('-s1', '-t', place.path('nowhere/trigger'));
    place.sandbox.file('nowhere/trigger', '');
    expect(await call.ended()).toMatchObject({ code: 1, signal: null });
  });
});

describe('a fast trigger', () => {
  it.each(['fast', 'fast\n', 'faster'])(
    '(%j) ends the call even if the file is there, and becomes smart',
    async (content) => {
      write(content);
      place.segment(name);
      const outcome = await place.ask('-t', trigger);
      expect(outcome).toEqual({ ...refused(1, found('fast')), changed: ['changed trigger'] });
      expect(readFileSync(trigger, 'utf8')).toBe('');
      // The server asks once more for a segment that it had.
      const again = await place.ask('-t', trigger);
      expect(again).toEqual({ ...silent([`created work/${target}`]), stderr: found('smart') });
    },
  );

  it('ends a waiting at once, whatever the interval', async () => {
    const call = await place.waiting('-s60', '-t', trigger);
    publish('fast\n');
    expect(await call.ended()).toEqual({ code: 1, signal: null, said: [found('fast').trimEnd()] });
    expect(readFileSync(trigger, 'utf8')).toBe('');
  });

  it('that cannot be emptied is fast all the same, with a warning', async () => {
    write('fast', 0o444);
    const outcome = await place.ask('-t', trigger);
    const warning =
      `pg_standby: WARNING:  could not empty the trigger file "${trigger}": Permission denied\n` +
      'HINT:  The failover goes on, but a segment that the server asks for once more is answered as missing.\n';
    expect(outcome).toEqual(refused(1, `${found('fast')}${warning}`));
  });
});

describe('a trigger file under standby.signal', () => {
  const alone =
    'HINT:  This file alone does not promote a standby: pg_ctl promote does, or triggerStandby. If it is left over, remove it.\n';

  it.each(['smart', 'fast'])('%s says that it promotes nobody', async (word) => {
    place.dataDirectory('standby');
    write(word);
    expect(await place.ask('-t', trigger)).toMatchObject({ code: 1, stderr: found(word) + alone });
  });

  it('is told once for each change where there is a home, although the server asks every few seconds', async () => {
    place.dataDirectory('standby');
    place.sandbox.directory('twowarm/state');
    const ask = async (): Promise<string> => {
      const { code, stderr } = await place.ask('-t', trigger);
      expect(code).toBe(1);
      return stderr;
    };
    write('smart');
    expect([await ask(), await ask(), await ask()]).toEqual([found('smart') + alone, '', '']);
    // Another one is news, and so is one that becomes smart because a call has emptied it.
    rmSync(trigger);
    write('fast');
    expect([await ask(), await ask(), await ask()]).toEqual([
      found('fast') + alone,
      found('smart') + alone,
      '',
    ]);
  });

  it('says nothing of it while triggerStandby is at work', async () => {
    place.dataDirectory('standby');
    place.sandbox.file('twowarm/state/trigger.lock', '1 1\n');
    write('smart');
    expect(await place.ask('-t', trigger)).toMatchObject({ code: 1, stderr: found('smart') });
  });

  it.each(['recovery', 'none'] as const)(
    'is no matter in mode %s, where it opens the server',
    async (mode) => {
      place.dataDirectory(mode);
      write('smart');
      expect(await place.ask('-t', trigger)).toMatchObject({ code: 1, stderr: found('smart') });
    },
  );

  it('is no matter of pg_ctl promote', async () => {
    place.dataDirectory('standby');
    place.sandbox.file('work/promote', '');
    const said = 'pg_standby: LOG:  the server is being promoted (./promote): smart failover\n';
    expect(await place.ask('-t', trigger)).toMatchObject({ code: 1, stderr: said });
  });
});

describe('a trigger file that orders nothing', () => {
  it.each([
    ['other content', 'slow\n', 0o600],
    ['an upper-case word', 'FAST', 0o600],
    ['a blank before the word', ' fast', 0o600],
  ])('(%s) is ignored with a warning', async (_, content, mode) => {
    write(content, mode);
    place.segment(name);
    const stderr =
      `pg_standby: WARNING:  invalid content in the trigger file "${trigger}": it is ignored\n` +
      'HINT:  It must be empty or begin with "smart" or "fast".\n';
    const outcome = await place.ask('-t', trigger);
    expect(outcome).toEqual({ ...silent([`created work/${target}`]), stderr });
    expect(readFileSync(trigger, 'utf8')).toBe(content);
  });

  it('because it cannot be read is ignored with a warning, said once', async () => {
    write('fast', 0o000);
    const call = await place.waiting('-s1', '-t', trigger);
    await waitFor('two intervals', () => call.intervals() >= 2);
    place.segment(name);
    expect(await call.ended()).toEqual({
      code: 0,
      signal: null,
      said: [`pg_standby: WARNING:  could not read the trigger file "${trigger}": Permission denied`],
    });
  });

  it('because it is a directory is ignored with a warning', async () => {
    place.sandbox.directory('trigger');
    place.segment(name);
    const stderr = `pg_standby: WARNING:  the trigger file "${trigger}" is not a regular file\n`;
    const outcome = await place.ask('-t', trigger);
    expect(outcome).toEqual({ ...silent([`created work/${target}`]), stderr });
  });
});

describe('a trigger file', () => {
  it('is not needed to be writable when it is smart', async () => {
    write('smart', 0o444);
    expect(await place.ask('-t', trigger)).toEqual(refused(1, found('smart')));
  });

  it('may be named relative to the working directory', async () => {
    write('');
    expect(await place.ask('-t', '../trigger')).toEqual(refused(1, found('smart')));
  });

  it('says nothing at -v 0', async () => {
    write('slow');
    place.segment(name);
    expect(await place.ask('-v0', '-t', trigger)).toEqual(silent([`created work/${target}`]));
  });
});

describe('signals', () => {
  it.each(['SIGUSR1', 'SIGINT'] as const)('%s is a fast failover', async (signal) => {
    const call = await place.waiting('-s60');
    call.kill(signal);
    const said = [`pg_standby: LOG:  received ${signal}: fast failover`];
    expect(await call.ended()).toEqual({ code: 1, signal: null, said });
  });

  it('SIGQUIT kills at once, without a core', async () => {
    const call = await place.waiting('-s60');
    call.kill('SIGQUIT');
    expect(await call.ended()).toEqual({ code: null, signal: 'SIGINT', said: [] });
    expect(readdirSync(place.work)).toEqual(['pg_wal']);
  });

  it.each(['SIGTERM', 'SIGKILL'] as const)('%s leaves no file and no process', async (signal) => {
    const call = await place.waiting('-s60');
    call.kill(signal);
    expect(await call.ended()).toEqual({ code: null, signal, said: [] });
    expect(readdirSync(join(place.work, 'pg_wal'))).toEqual([]);
    expect(() => process.kill(call.pid, 0)).toThrow('ESRCH');
  });

  it('find the process under the name that scripts know', async () => {
    const call = await place.waiting('-s60');
    expect(readFileSync(`/proc/${call.pid}/comm`, 'utf8')).toBe('pg_standby\n');
    call.kill('SIGTERM');
    await call.ended();
  });

  it('SIGUSR1 that comes before the program is ready does not kill it', async () => {
    for (const ms of [0, 4, 8, 12, 16]) {
      const call = place.start('-s60');
      await waitFor('Node', () => /node|MainThread/.test(commOf(call.pid)), { everyMs: 1 });
      await new Promise((resolve) => setTimeout(resolve, ms));
      call.kill('SIGUSR1');
      // For 2 ms nobody hears it; whoever sent it sees that the waiting goes on, and sends it again.
      const again = setInterval(() => call.kill('SIGUSR1'), 500);
      const { code, signal, stderr } = await call.result.finally(() => clearInterval(again));
      expect({ ms, code, signal }).toEqual({ ms, code: 1, signal: null });
      expect(stderr).toContain('pg_standby: LOG:  received SIGUSR1: fast failover\n');
    }
  });
});

const commOf = (pid: number): string => {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8');
  } catch {
    return '';
  }
};

describe('pg_ctl promote', () => {
  it.each(['promote', 'fallback_promote'])('(./%s) ends a waiting as smart does', async (file) => {
    place.dataDirectory('standby');
    // From 13 on one of the second name is a leftover.
    place.sandbox.file('work/PG_VERSION', '12\n');
    const call = await place.waiting('-s60');
    place.sandbox.file(`work/${file}`, '');
    const said = [`pg_standby: LOG:  the server is being promoted (./${file}): smart failover`];
    expect(await call.ended()).toEqual({ code: 1, signal: null, said });
    place.segment(name);
    expect(await place.ask()).toMatchObject({ code: 0, stderr: `${said[0]!}\n` });
  });

  it('means nothing outside of a data directory', async () => {
    place.sandbox.file('work/promote', '');
    const call = await place.waiting('-s1');
    await waitFor('an interval', () => call.intervals() > 0);
    call.kill('SIGTERM');
    expect(await call.ended()).toMatchObject({ signal: 'SIGTERM', said: [] });
  });
});
