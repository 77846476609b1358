// The order in which a copy becomes durable, as the kernel sees it, and a disk that does not confirm.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { trace, words, type Call } from '../../faults/strace.ts';
import { quoted } from '../../harness/node-fixture.ts';
import { makeSandbox } from '../../harness/sandbox.ts';
import { carriedNode, copyScript } from '../../harness/source-script.ts';
import type { PrepareFacts } from './children/prepare.ts';
import { controlBytes, sourceOf } from './scene.ts';

it('pg_control comes after all else is durable, the note goes after that; a failed fsync ends the copy', async () => {
  const program = copyScript('test/copying/near/children/prepare.ts');
  const copy = async (inject?: string) => {
    const sandbox = makeSandbox('durable');
    const dataDirectory = sandbox.directory('data');
    const facts: PrepareFacts = {
      directory: dataDirectory,
      source: { ...sourceOf(), lsn: `${sourceOf().lsn}` },
      control: controlBytes().toString('base64'),
    };
    const line = [carriedNode(), program, JSON.stringify(facts)].map(quoted).join(' ');
    const traced = trace({ sandbox, dataDirectory }, line, inject === undefined ? {} : { inject });
    const { code, stderr } = await traced.program.result;
    const outcome = {
      code,
      stderr,
      calls: traced.calls(),
      hasControl: existsSync(join(dataDirectory, 'global/pg_control')),
      hasNote: existsSync(join(dataDirectory, '.twowarm-copying')),
      path: dataDirectory,
    };
    await sandbox.dispose();
    return outcome;
  };

  const whole = await copy();
  expect(whole).toMatchObject({ code: 0, stderr: '', hasControl: true, hasNote: false });
  const order = [
    'fsync <~/data/base/10>',
    'fsync <~/data/base>',
    'fsync <~/data/global/.tmp.pg_control.*>',
    'link "~/data/global/.tmp.pg_control.*", "~/data/global/pg_control"',
    'unlink "~/data/global/.tmp.pg_control.*"',
    'fsync <~/data/global>',
    'unlink "~/data/.twowarm-copying"',
    'fsync <~/data>',
  ];
  const told = whole.calls.map(words);
  const places = order.map((call) => told.lastIndexOf(call));
  expect(places[0]).toBeGreaterThan(0);
  expect(places).toEqual([...places].sort((a, b) => a - b));
  // Every file and every directory that something was put into.
  const names = ['', '/base', '/global', ...Array.from({ length: 10 }, (_, at) => `/base/${at + 1}`)];
  const before = new Set(told.slice(0, places[3]));
  expect(names.filter((name) => !before.has(`fsync <~/data${name}>`))).toEqual([]);
  // A small file, and once more where it was kept: whoever wrote it before may have been killed before its fsync.
  expect(told.filter((call) => call === 'mkdir "~/data/base/kept"')).toHaveLength(1);
  const small = told.flatMap((call, at) => (call === 'fsync <~/data/base/11>' ? [at] : []));
  expect(small).toHaveLength(3);
  expect(told.indexOf('mkdir "~/data/base/kept"')).toBeGreaterThan(small[2]!);

  // The disk begins before the end, and a write that it refuses is not made again.
  expect(told.indexOf('fdatasync <~/data/base/12>')).toBeLessThan(told.indexOf('fsync <~/data/base/12>'));
  expect(told).toContain('fdatasync <~/data/base/12>');
  const isDirect = ({ name, arguments: words }: Call): boolean =>
    name.startsWith('pwrite') && words.includes('<~/data/base/13>');
  const written = whole.calls.find(isDirect)!;
  const unwritten = await copy(`${written.name}:error=EIO:when=${written.nth}`);
  expect(unwritten).toMatchObject({ hasControl: false, hasNote: true });
  expect(unwritten.stderr).toContain(
    `ProgramError: could not write file "${unwritten.path}/base/13": Input/output error`,
  );
  expect(unwritten.calls.filter(isDirect)).toHaveLength(1);

  const synced = whole.calls.find((call) => words(call) === 'fsync <~/data/base/10>')!;
  const failed = await copy(`fsync:error=EIO:when=${synced.nth}`);
  expect(failed).toMatchObject({ hasControl: false, hasNote: true });
  expect(failed.code).not.toBe(0);
  expect(failed.stderr).toContain(
    `ProgramError: could not fsync file "${failed.path}/base/10": Input/output error`,
  );
  const ofIt = failed.calls.map(words).filter((call) => call === 'fsync <~/data/base/10>');
  expect(ofIt).toHaveLength(1);
}, 120_000);
