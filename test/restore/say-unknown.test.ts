// What a standby's restore_command cannot know is said once: PostgreSQL asks every few seconds, for a segment and a history.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { makeNode, oneDestination, type NodeFixture } from '../harness/node-fixture.ts';
import { segmentBytes, segmentNamed } from '../harness/wal-files.ts';

const target = 'pg_wal/RECOVERYXLOG';
const name = segmentNamed(0x21);
const history = '00000002.history';

let node: NodeFixture;
beforeAll(async () => {
  node = await makeNode('say-unknown', {
    configuration: (path) =>
      `${oneDestination(path)}[restore]\nsources = ['file:${path('source')}']\nretry_limit = '100ms'\nwait = 'off'\n`,
    directories: ['db2', 'source'],
  });
  node.mode('standby');
});
beforeEach(() => {
  rmSync(node.path('source'), { recursive: true, force: true });
  rmSync(node.path('twowarm/state/unreadable'), { force: true });
});
afterAll(() => node[Symbol.asyncDispose]());

const missing = (file: string): string =>
  `restoreWALFile: ERROR:  could not restore ${file}: the archive directory ${node.path('source')} does not exist\n` +
  'HINT:  If it is a mount, mount it. No program creates it: make a new one with mode 0700 as the owner of the data directory.\n';

/** What it says; the answer is 1, whatever it says. */
async function said(file: string): Promise<string> {
  const { code, stderr } = await node.restore(file, target);
  expect(code).toBe(1);
  return stderr;
}

/** As if all that was said had been said, and met last, so long ago. */
function age(saidMs: number, seenMs: number): void {
  const path = node.path('twowarm/state/unreadable');
  const marks = JSON.parse(readFileSync(path, 'utf8')) as Record<string, { said: number; seen: number }>;
  for (const mark of Object.values(marks)) {
    mark.said -= saidMs;
    mark.seen -= seenMs;
  }
  writeFileSync(path, JSON.stringify(marks));
}

it('once, for a segment and a history', async () => {
  expect(await said(name)).toBe(missing(name));
  expect(await said(history)).toBe('');
  expect(await said(name)).toBe('');
  expect(await said(segmentNamed(0x22))).toBe('');
});

it('again when it has changed, and each damaged file by its name', async () => {
  expect(await said(name)).toBe(missing(name));
  node.sandbox.file('source/.twowarm/format', 'twowarm archive 1\n');
  for (const each of [name, segmentNamed(0x22)]) {
    node.sandbox.file(`source/${each}`, segmentBytes(each).subarray(0, 65536));
    expect(await said(each)).toContain(`will not restore ${each} from file:${node.path('source')}`);
    expect(await said(each)).toBe('');
  }
  // That the histories are known to be absent does not make the segment news.
  expect(await said(history)).toBe('');
  expect(await said(name)).toBe('');
});

it('again when it has come back after a while, every hour, and after a clock was set back', async () => {
  expect(await said(name)).toBe(missing(name));
  for (const [saidMs, seenMs] of [
    [121_000, 121_000],
    [3_601_000, 5000],
    [-60_000, -60_000],
  ] as const) {
    age(saidMs, seenMs);
    expect(await said(name)).toBe(missing(name));
    expect(await said(name)).toBe('');
  }
  age(3_000_000, 60_000);
  expect(await said(name)).toBe('');
});

it('again when what was said cannot be read', async () => {
  expect(await said(name)).toBe(missing(name));
  for (const content of ['', 'null', '[1]', '{"a":1}', '{"a":{}}']) {
    writeFileSync(node.path('twowarm/state/unreadable'), content);
    expect(await said(name), content).toBe(missing(name));
  }
});

it.each(['recovery', 'none'] as const)('each time under %s, where nobody asks again', async (mode) => {
  node.mode(mode);
  try {
    for (let time = 0; time < 2; time++)
      expect((await node.restore(name, target)).stderr).toBe(missing(name));
  } finally {
    node.mode('standby');
  }
});
