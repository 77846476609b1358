// npm run demo as a newcomer sees it: the verdict, the exit code, and nothing left behind however it ends.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { processesIn } from '../harness/processes.ts';
import { startProgram, type RunningProgram } from '../harness/run.ts';
import { makeSandbox, type Sandbox } from '../harness/sandbox.ts';
import { inTurn } from '../harness/share.ts';
import { waitFor } from '../harness/wait-for.ts';

const demo = join(import.meta.dirname, '..', '..', 'scripts', 'demo', 'demo.ts');

/** The demo with a temporary directory of its own, in which nothing else ever is. */
function startDemo(sandbox: Sandbox, seconds: number | string): { temporary: string; demo: RunningProgram } {
  // Short: the path of a socket is limited to 107 bytes.
  const temporary = sandbox.directory('t');
  // Without the run directory of the tests, so that it makes its own.
  const env = {
    ...process.env,
    TWOWARM_TEST_RUN: undefined,
    TMPDIR: temporary,
    TWOWARM_DEMO_SECONDS: String(seconds),
  };
  return {
    temporary,
    demo: startProgram(process.execPath, [demo], { env, user: 'self', timeoutMs: 90_000 }),
  };
}

function expectNothingLeft(temporary: string): void {
  expect(processesIn(temporary)).toEqual([]);
  expect(readdirSync(temporary)).toEqual([]);
}

/** The file, below the temporary directory, that says that the demo has come so far. */
function exists(temporary: string, file: string): boolean {
  const [run] = readdirSync(temporary);
  if (run === undefined) return false;
  const sandbox = readdirSync(join(temporary, run)).find((name) => name.startsWith('demo-'));
  return sandbox !== undefined && existsSync(join(temporary, run, sandbox, file));
}

describe.concurrent('the demo', () => {
  it('ships, promotes and finds every committed row, tells what it sees, and leaves nothing behind', async () => {
    await using sandbox = makeSandbox('d');
    const { temporary, demo } = startDemo(sandbox, 2);
    const { code, stdout, stderr } = await demo.result;
    expect(stderr).toBe('');
    const verdict = /VERDICT: (\d+) rows committed, (\d+) rows found on the new primary, 0 missing\./.exec(
      stdout,
    );
    expect(verdict, stdout).not.toBeNull();
    expect(verdict?.[1]).toBe(verdict?.[2]);
    expect(Number(verdict?.[1])).toBeGreaterThan(20);
    expect(stdout).toMatch(/and waits: restoreWALFile [0-9A-F]{24},\n +process \d+, for \d+\.\d s\./);
    expect(stdout).toMatch(/promoted to timeline 2 at \w+\/\w+ after \d+\.\d s/);
    expect(stdout).toMatch(/From the trigger to the first row that somebody else wrote: \d+\.\d\d s\./);
    // The lines that make PostgreSQL use twowarm, and what is to be seen meanwhile.
    expect(stdout).toMatch(/archive_command = '\/\S+\/bin\/archiveWALFile %p %f'/);
    expect(stdout).toMatch(/restore_command = '\/\S+\/bin\/restoreWALFile %f %p %r'/);
    expect(stdout).toMatch(
      /committed \d+ {2}visible \d+ {2}archived 0000\S+ {2}replayed \w+\/\w+ {2}lag \d+\.\d s, [\d,]+ bytes/,
    );
    expect(code).toBe(0);
    expectNothingLeft(temporary);
  });

  inTurn(2).each([
    ['SIGINT', 130, 'while it copies the primary', 'standby/data/PG_VERSION'],
    ['SIGINT', 130, 'while rows are written', 'standby/twowarm/archive/000000010000000000000004'],
    ['SIGTERM', 143, 'while rows are written', 'standby/twowarm/archive/000000010000000000000004'],
  ] as const)('stopped by %s exits %i, and leaves nothing behind: %s', async (signal, code, _, sign) => {
    await using sandbox = makeSandbox('d');
    const { temporary, demo } = startDemo(sandbox, 60);
    await waitFor(`the demo to have made ${sign}`, () => exists(temporary, sign), {
      limitMs: 50_000,
      everyMs: 5,
    });
    demo.kill(signal);
    const result = await demo.result;
    expect(result.code, result.stderr).toBe(code);
    expect(result.stdout).toContain(`${signal}: stopping`);
    expectNothingLeft(temporary);
  });

  it('refuses a duration that is none before it makes anything', async () => {
    await using sandbox = makeSandbox('d');
    const { temporary, demo } = startDemo(sandbox, 'long');
    const { code, stdout } = await demo.result;
    expect(code).toBe(2);
    expect(stdout).toContain('TWOWARM_DEMO_SECONDS must be a number of seconds, not "long"');
    expectNothingLeft(temporary);
  });
});
