import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makeSandbox, type Sandbox } from '../harness/sandbox.ts';
import { startScript } from '../harness/source-script.ts';
import { waitFor } from '../harness/wait-for.ts';

const prelude = `
import { writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { bounded } from './src/program/bounded.ts';
import { dieOf, leave, noteHangingCall } from './src/program/leave.ts';
`;

function makeFifo(sandbox: Sandbox): string {
  const fifo = join(sandbox.path, 'fifo');
  expect(spawnSync('mkfifo', ['-m', '666', fifo]).status).toBe(0);
  return fifo;
}

describe('a process', () => {
  it.each([0, 1, 27, 125])('leaves with the code %i', async (code) => {
    await using sandbox = makeSandbox('leave');
    const script = `${prelude} process.stdout.write('last words\\n'); leave(facts.code);`;
    const { result } = startScript(sandbox, { code }, script);
    expect(await result).toMatchObject({ code, signal: null, stdout: 'last words\n', stderr: '' });
  });

  it.each([0, 1, 27, 125])(
    'leaves with the code %i and not a word also while a system call hangs',
    async (code) => {
      await using sandbox = makeSandbox('leave');
      const script = `${prelude}
        process.stdout.write('last words\\n');
        // More calls than libuv has threads: nothing that needs one works any more.
        const hang = () => Promise.all([1, 2, 3, 4, 5, 6].map(() => open(facts.fifo, 'r')));
        await bounded('open it', 50, new AbortController().signal, hang).catch((error) => {
          process.stdout.write(error.kind + '\\n');
        });
        leave(facts.code);`;
      const { result } = startScript(sandbox, { code, fifo: makeFifo(sandbox) }, script);
      const expected = { code, signal: null, stdout: 'last words\ntimed-out\n', stderr: '' };
      expect(await result).toMatchObject(expected);
    },
  );

  it.each(['SIGTERM', 'SIGINT'] as const)(
    'dies of %s when told, also while a system call hangs',
    async (name) => {
      await using sandbox = makeSandbox('leave');
      const script = `${prelude}
      process.once(facts.name, () => dieOf(facts.name));
      void open(facts.fifo, 'r');
      writeFileSync(facts.ready, '');
      setInterval(() => undefined, 1000);`;
      const ready = join(sandbox.path, 'ready');
      const program = startScript(sandbox, { name, fifo: makeFifo(sandbox), ready }, script);
      await waitFor('the script', () => existsSync(ready));
      program.kill(name);
      expect(await program.result).toMatchObject({ code: null, signal: name, stdout: '', stderr: '' });
    },
  );
});
