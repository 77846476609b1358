// What a trigger file tells, by everything that can be in its place.
import { spawnSync } from 'node:child_process';
import { mkdirSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { readTriggerFile } from '../../src/program/told-to-stop.ts';
import { toldToStop } from '../../src/restore/trigger.ts';
import { makeSandbox, type Sandbox } from '../harness/sandbox.ts';

let sandbox: Sandbox;
let path: string;
beforeEach(() => {
  sandbox = makeSandbox('trigger');
  path = join(sandbox.path, 'trigger');
});
afterEach(() => sandbox.dispose());

describe('a trigger file', () => {
  it('that is not there tells nothing', () => {
    expect(readTriggerFile(path)).toEqual({ told: 'nothing', isEmpty: false });
    expect(readTriggerFile(join(path, 'below'))).toEqual({ told: 'nothing', isEmpty: false });
  });

  it.each([
    ['', 'smart', true],
    [' \t\r\n', 'smart', true],
    ['smart', 'smart', false],
    ['SmArT\r\n', 'smart', false],
    ['\nfast', 'fast', false],
    ['FAST because the disk is dying', 'fast', false],
    [`fast${' '.repeat(4092)}`, 'fast', false],
  ])('%j tells %s', (content, told, isEmpty) => {
    writeFileSync(path, content);
    expect(readTriggerFile(path)).toEqual({ told, isEmpty });
  });

  it.each(['faster', 'smart-ish', 'f', 'sma', '\0fast', '\xef\xbb\xbffast', `fast${' '.repeat(4093)}`])(
    '%j tells nothing, and why',
    (content) => {
      writeFileSync(path, content, 'latin1');
      utimesSync(path, 1000, 1000);
      expect(readTriggerFile(path)).toEqual({
        told: 'nothing',
        isEmpty: false,
        ignored: 'its content is neither "smart" nor "fast"',
        changedAt: 1_000_000,
      });
    },
  );

  const notAFile = {
    told: 'nothing',
    isEmpty: false,
    ignored: 'it is not a regular file',
    changedAt: 0,
  };

  it('that is a directory, a FIFO or a link is none', () => {
    mkdirSync(path);
    expect(readTriggerFile(path)).toEqual(notAFile);
    spawnSync('mkfifo', [join(sandbox.path, 'fifo')]);
    expect(readTriggerFile(join(sandbox.path, 'fifo'))).toEqual(notAFile);
    symlinkSync('/dev/zero', join(sandbox.path, 'link'));
    expect(readTriggerFile(join(sandbox.path, 'link'))).toEqual(notAFile);
  });

  it('is left as it was', () => {
    writeFileSync(path, 'fast');
    const before = statSync(path);
    readTriggerFile(path);
    expect(statSync(path)).toMatchObject({ ino: before.ino, size: before.size, mtimeMs: before.mtimeMs });
  });
});

describe('the line in the log', () => {
  it('says by what, and that nothing more is restored', () => {
    const message = 'restore_command stops waiting: it was told to by /x/trigger';
    expect(toldToStop('smart', '/x/trigger')).toEqual({ message });
    expect(toldToStop('fast', '/x/trigger')).toEqual({ message: `${message} ("fast")` });
    const hint =
      'This file alone does not promote a standby: triggerStandby and pg_ctl promote do. If it is left over, remove it.';
    expect(toldToStop('smart', '/x/trigger', true)).toEqual({ message, hint });
  });
});
