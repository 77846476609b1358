// What twowarm receive --authorized-keys-line says of the directory that the line is for, while somebody is there to read it.
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { program } from '../harness/installation.ts';
import { run } from '../harness/run.ts';
import { makeSandbox } from '../harness/sandbox.ts';

const line = (directory: string) =>
  run(program('twowarm'), ['receive', '--authorized-keys-line', '--directory', directory]);
const note = 'twowarm receive: LOG:  put the public key in the place of PUBLIC-KEY\n';
const lineOf = (directory: string): string =>
  `restrict,command="${program('twowarm')} receive --directory ${directory}" PUBLIC-KEY\n`;

describe('the line for authorized_keys', () => {
  it('is made without a word for a good directory', async () => {
    await using sandbox = makeSandbox('line');
    const directory = sandbox.directory('archive');
    const { code, stdout, stderr } = await line(directory);
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: lineOf(directory), stderr: note });
  });

  it('is made with a warning for one that is missing, or is none', async () => {
    await using sandbox = makeSandbox('line');
    const gone = join(sandbox.path, 'gone');
    for (const [directory, is] of [
      [gone, 'does not exist'],
      [sandbox.file('file', ''), 'is not a directory'],
    ] as const) {
      const { code, stdout, stderr } = await line(directory);
      expect({ code, stdout, stderr }).toEqual({
        code: 0,
        stdout: lineOf(directory),
        stderr:
          `twowarm receive: WARNING:  the archive directory ${directory} ${is}\n` +
          'HINT:  No program creates it: make it with mode 0700 as the user that the line is for.\n' +
          note,
      });
    }
  });

  it('is made with a warning for one that anybody may write to', async () => {
    await using sandbox = makeSandbox('line');
    const directory = sandbox.directory('archive');
    chmodSync(directory, 0o777);
    expect((await line(directory)).stderr).toBe(
      `twowarm receive: WARNING:  anybody on this machine may write to the archive directory ${directory}\n` +
        'DETAIL:  Its mode is 0777. Whoever writes WAL there changes the servers that restore it.\n' +
        `HINT:  chmod 700 ${directory}\n` +
        note,
    );
  });
});
