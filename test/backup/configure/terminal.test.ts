// At a terminal configStandby asks before it writes; without one, and with --yes, it does not.
import { describe, expect, it } from 'vitest';

import { shell } from '../../harness/run.ts';
import { commandLine } from '../../harness/node-fixture.ts';
import { changesBetween, snapshot } from '../../harness/tree-snapshot.ts';
import { makeCopy } from './node-to-configure.ts';

/** What is not the node's record. */
const record = /twowarm\/state(\/|$)/;

describe('configStandby at a terminal', { concurrent: true, timeout: 60_000 }, () => {
  it.each([
    ['n\\n', [], 1, []],
    ['\\n', [], 1, []],
    ['y\\n', [], 0, ['changed data/postgresql.auto.conf', 'created data/standby.signal']],
    ['', ['--yes'], 0, ['changed data/postgresql.auto.conf', 'created data/standby.signal']],
  ])('is told %j with %j', async (typed, words, code, changed) => {
    await using node = await makeCopy();
    const before = snapshot(node.sandbox.path);
    // script(1) makes the terminal, which keeps what is typed until it is read.
    const line = commandLine('configStandby', ...words);
    const said = await shell(`printf '${typed}' | script -qefc "${line.replaceAll('"', '\\"')}" /dev/null`, {
      cwd: node.dataDirectory,
    });
    expect(said.code).toBe(code);
    const after = changesBetween(before, snapshot(node.sandbox.path), record);
    expect(after.filter((change) => change.includes('data/'))).toEqual(changed);
    expect(said.stdout.includes('Write these changes? [y/N]')).toBe(words.length === 0);
    expect(said.stdout.includes('Nothing was written.')).toBe(code === 1);
  });
});
