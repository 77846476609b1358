// The server and the far side are asked at the same time: what is said where one of them will not, or neither, and how a call ends
// that is stopped meanwhile.
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { program } from '../../harness/installation.ts';
import { run, startProgram, type RunResult } from '../../harness/run.ts';
import { makeSandbox, type Sandbox } from '../../harness/sandbox.ts';
import { hangingSide, type HangingSide } from '../../transport/ssh/hanging-side.ts';
import { copiedPair, type CopiedPair } from './copied-pair.ts';

let sandbox: Sandbox;
let pair: CopiedPair;
let silent: HangingSide;
beforeAll(async () => {
  sandbox = makeSandbox('both-ends');
  pair = await copiedPair(sandbox, { major: 15, road: 'ssh', tables: false });
  silent = await hangingSide(sandbox, 'key exchange');
});
afterAll(async () => {
  await silent?.[Symbol.asyncDispose]();
  await pair?.[Symbol.asyncDispose]();
  await sandbox?.dispose();
});

const farPlace = (): string => `ssh://nobody@127.0.0.1:${silent.port}${sandbox.path}/far/data`;
const deadPlace = (): string => `ssh://nobody@127.0.0.1:1${sandbox.path}/far/data`;
const words = (to: string): string[] => ['-D', pair.primary.dataDirectory, '--to', to];
/** Much less than a login may take. */
const soonMs = 5000;

const sessions = (): Promise<string> =>
  pair.primary.value(
    "select count(*)::text from pg_stat_activity where application_name like '%copyToStandby%'",
  );

async function untilNoSession(): Promise<void> {
  while ((await sessions()) !== '0') await pause(20);
}

describe('a far side that does not answer', () => {
  it('keeps nobody from ending the call, and the server is let go of', async () => {
    const begun = startProgram(program('copyToStandby'), words(farPlace()), { timeoutMs: 60_000 });
    await silent.untilReached();
    while ((await sessions()) === '0') await pause(20);
    const told = performance.now();
    begun.kill('SIGINT');
    const { signal, stderr } = await begun.result;
    expect({ signal, stderr }).toEqual({ signal: 'SIGINT', stderr: '' });
    expect(performance.now() - told).toBeLessThan(soonMs);
    await untilNoSession();
  });
});

describe('a server that is long in answering', () => {
  it('keeps nobody from ending the call either', async () => {
    const { primary } = pair;
    const held = primary
      .query('begin; lock table pg_tablespace in access exclusive mode; select pg_sleep(100)')
      .catch(() => undefined);
    const count = (where: string): Promise<string> =>
      primary.value(`select count(*)::text from pg_stat_activity where ${where}`);
    const holding = "query like '%pg_sleep(100)' and wait_event = 'PgSleep'";
    try {
      while ((await count(holding)) === '0') await pause(20);
      const begun = startProgram(program('copyToStandby'), words(farPlace()), { timeoutMs: 60_000 });
      while ((await count("wait_event_type = 'Lock'")) === '0') await pause(20);
      const told = performance.now();
      begun.kill('SIGTERM');
      expect(await begun.result).toMatchObject({ signal: 'SIGTERM', stderr: '' });
      expect(performance.now() - told).toBeLessThan(soonMs);
    } finally {
      await primary.query(`select pg_terminate_backend(pid) from pg_stat_activity where ${holding}`);
      await held;
    }
    await untilNoSession();
  });
});

describe('words that make a copy impossible', () => {
  it('are told as what they are, whatever the far side does', async () => {
    const refused = (message: string) => ({
      code: 2,
      stdout: '',
      stderr: `copyToStandby: ERROR:  ${message}`,
    });
    const said = async (to: string, mapping: string) => {
      const all = [...words(to), '--tablespace-mapping', mapping];
      const { code, stdout, stderr } = await run(program('copyToStandby'), all);
      return { code, stdout, stderr: stderr.split('\n')[0] };
    };
    for (const to of [farPlace(), deadPlace()]) {
      expect(await said(to, 'x')).toEqual(
        refused('cannot use the tablespace mapping "x": it has no single = between two directories'),
      );
      expect(await said(to, '/no/such=/other')).toEqual(refused('there is no tablespace in /no/such'));
    }
  });
});

describe('a server that does not run', () => {
  it('is what is told, at once, whatever the far side does', async () => {
    const { primary } = pair;
    await primary.stop();
    const expected = {
      ...{ code: 50, stdout: '' },
      stderr: expect.stringMatching(
        /^copyToStandby: ERROR:  the server in \S+ is not running\n(?:.*\n)*$/,
      ) as string,
    };
    const said = ({ code, stdout, stderr }: RunResult) => ({ code, stdout, stderr });
    const begun = performance.now();
    for (const to of [farPlace(), deadPlace()])
      expect(said(await run(program('copyToStandby'), words(to)))).toEqual(expected);
    expect(performance.now() - begun).toBeLessThan(soonMs);
  });
});
