import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { errorKinds } from '../../src/program/error-kinds.ts';
import type { RunningProgram } from '../harness/run.ts';
import { makeSandbox, type Sandbox } from '../harness/sandbox.ts';
import { inTurn } from '../harness/share.ts';
import { startScript } from '../harness/source-script.ts';
import { waitFor } from '../harness/wait-for.ts';
import type { LeavingFacts } from './children/leaving.ts';

const script = 'test/program/children/leaving.ts';

function makeFifo(sandbox: Sandbox): string {
  const fifo = join(sandbox.path, 'fifo');
  expect(spawnSync('mkfifo', ['-m', '666', fifo]).status).toBe(0);
  return fifo;
}

const start = (facts: LeavingFacts): RunningProgram => startScript(script, facts);

describe('a process', () => {
  inTurn(2).each([0, 1, 27, 125])('leaves with the code %i', async (code) => {
    const expected = { code, signal: null, stdout: 'last words\n', stderr: '' };
    expect(await start({ code }).result).toMatchObject(expected);
  });

  inTurn(2).each([256, 65_536, -1, 1.5])(
    'leaves with the code of a bug where it is to end with %f',
    async (code) => {
      const expected = { code: errorKinds.bug.exitCode, signal: null, stdout: 'last words\n', stderr: '' };
      expect(await start({ code }).result).toMatchObject(expected);
    },
  );

  inTurn(2).each([0, 1, 27, 125])(
    'leaves with the code %i and not a word more also while system calls hang',
    async (code) => {
      await using sandbox = makeSandbox('leave');
      const expected = { code, signal: null, stdout: 'last words\ntimed-out\n', stderr: '' };
      expect(await start({ code, fifo: makeFifo(sandbox) }).result).toMatchObject(expected);
    },
  );

  it.each(['SIGTERM', 'SIGINT'] as const)(
    'dies of %s when told, also while system calls hang',
    async (signal) => {
      await using sandbox = makeSandbox('leave');
      const ready = join(sandbox.path, 'ready');
      const program = start({ signal, ready, fifo: makeFifo(sandbox) });
      await waitFor('the script', () => existsSync(ready));
      program.kill(signal);
      const expected = { code: null, signal, stdout: 'last words\n', stderr: '' };
      expect(await program.result).toMatchObject(expected);
    },
  );
});
