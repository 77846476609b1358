// restoreWALFile's three answers: have it, absent, cannot know; and how each is told in each mode of recovery.
import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import {
  commandLine,
  makeNode,
  oneDestination,
  refused,
  silent,
  type Mode,
  type NodeFixture,
} from '../harness/node-fixture.ts';
import { run } from '../harness/run.ts';
import { inTurn, placeOf } from '../harness/share.ts';
import {
  anotherCluster,
  backupText,
  historyText,
  ourCluster,
  segmentBytes,
  segmentNamed,
} from '../harness/wal-files.ts';

const modes: Mode[] = ['standby', 'recovery', 'none'];
const target = 'pg_wal/RECOVERYXLOG';
const name = segmentNamed(0x21);

const twoSources = (path: (name: string) => string): string =>
  `${oneDestination(path)}[restore]\nsources = ['file:${path('first')}', 'file:${path('second')}']\n` +
  "retry_limit = '300ms'\nwait = 'off'\n";

/** An archive that is this cluster's, the same one each time: what a plain directory is, says restore-sources.test.ts. */
function makeArchive(directory: string): void {
  rmSync(node.path(directory), { recursive: true, force: true });
  node.sandbox.file(`${directory}/.twowarm/format`, 'twowarm archive 1\n');
  const owner = { archive: '0123456789abcdef', system_identifier: String(ourCluster) };
  node.sandbox.file(`${directory}/.twowarm/owner`, `${JSON.stringify(owner)}\n`);
}

let node: NodeFixture;
beforeAll(async () => {
  node = await makeNode('restore', {
    configuration: twoSources,
    directories: ['db2', 'first', 'second'],
  });
  for (const directory of ['first', 'second']) makeArchive(directory);
  // A first call notes the archives; the next ones nothing more.
  await node.restore(segmentNamed(1), target);
});
beforeEach(() => {
  for (const directory of ['first', 'second']) makeArchive(directory);
  // What was said under standby.signal is not said again.
  rmSync(node.path('twowarm/state/unreadable'), { force: true });
  for (const file of ['RECOVERYXLOG', 'RECOVERYHISTORY'])
    rmSync(node.path(`data/pg_wal/${file}`), { force: true });
});
afterAll(() => node[Symbol.asyncDispose]());

const report = (level: string, ...lines: string[]): string =>
  `restoreWALFile: ${level}:  ${lines.join('\n')}\n`;
const error = (...lines: string[]): string => report('ERROR', ...lines);
/** What is said of a compressed file in that directory that cannot be decoded. */
const damaged = (directory: string): [string, string] => {
  const path = node.path(`${directory}/${name}.zst`);
  return [
    `${path} is damaged: Unknown frame descriptor`,
    `HINT:  Nothing was restored from it. See what is wrong with it: zstd -t "${path}".`,
  ];
};

describe.each(modes)('under %s', (mode) => {
  const its = inTurn(3, placeOf[mode]);
  beforeEach(() => node.mode(mode));

  its('a file that is there is delivered byte for byte, closed to others', async () => {
    node.segment(name, {}, 'first');
    const { changed, ...said } = await node.restore(name, target, name);
    // A call with %r also tells its sources what it needs, and notes that.
    const others = changed.filter((change) => !/\/(state\/registered|consumers(\/.*)?)$/.test(change));
    expect({ ...said, changed: others }).toEqual(silent([`created data/${target}`]));
    expect(readFileSync(node.path(`data/${target}`)).equals(segmentBytes(name))).toBe(true);
    expect(statSync(node.path(`data/${target}`)).mode & 0o7777).toBe(0o600);
  });

  its.each([
    ['00000002.history', historyText()],
    [`${segmentNamed(3)}.00000028.backup`, backupText(segmentNamed(3))],
    [`${segmentNamed(5)}.partial`, segmentBytes(segmentNamed(5))],
  ])('%s is delivered', async (file, content) => {
    node.sandbox.file(`second/${file}`, content);
    expect(await node.restore(file, 'pg_wal/RECOVERYHISTORY')).toEqual(
      silent(['created data/pg_wal/RECOVERYHISTORY']),
    );
    const delivered = readFileSync(node.path('data/pg_wal/RECOVERYHISTORY'));
    expect(delivered.equals(Buffer.from(content))).toBe(true);
  });

  its.each([name, '00000002.history'])('%s that no source has is absent, silently', async (file) => {
    expect(await node.restore(file, target)).toEqual(refused(1, ''));
  });

  its('00000001.history is absent whatever the sources say', async () => {
    rmSync(node.path('first'), { recursive: true });
    expect(await node.restore('00000001.history', target)).toEqual(refused(1, ''));
  });
});

describe('a parent’s history in the last step of a promotion', () => {
  it('comes from pg_wal, whatever the sources say', async () => {
    node.mode('none');
    node.sandbox.file('data/pg_wal/00000002.history', historyText());
    rmSync(node.path('first'), { recursive: true });
    const changed = ['created data/pg_wal/RECOVERYHISTORY'];
    expect(await node.restore('00000002.history', 'pg_wal/RECOVERYHISTORY')).toEqual(silent(changed));
    rmSync(node.path('data/pg_wal/00000002.history'));
  });
});

/** Every reason not to know: what makes it, and what is said. */
const reasons: [string, () => void, () => string][] = [
  [
    'the directory is missing',
    () => rmSync(node.path('first'), { recursive: true }),
    () =>
      error(
        `could not restore ${name}: the archive directory ${node.path('first')} does not exist`,
        'HINT:  If it is a mount, mount it. No program creates it: make a new one with mode 0700 as the owner of the data directory.',
      ),
  ],
  [
    'the directory is a file',
    () => {
      rmSync(node.path('first'), { recursive: true });
      node.sandbox.file('first', '');
    },
    () => error(`could not restore ${name}: the archive directory ${node.path('first')} is not a directory`),
  ],
  [
    'the directory is closed',
    () => chmodSync(node.path('first'), 0),
    () =>
      error(
        `could not restore ${name}: could not read ${node.path('first/.twowarm/format')}: Permission denied`,
      ),
  ],
  [
    'the file is closed',
    () => void node.sandbox.file(`first/${name}`, segmentBytes(name), 0),
    () => error(`could not read ${name} at file:${node.path('first')}: Permission denied`),
  ],
  [
    'a directory has its name',
    () => mkdirSync(node.path(`first/${name}`)),
    () => error(`${name} at file:${node.path('first')} is not a regular file`),
  ],
  [
    'it is cut short',
    () => void node.sandbox.file(`first/${name}`, segmentBytes(name).subarray(0, 65536)),
    () =>
      error(
        `will not restore ${name} from file:${node.path('first')}: it is not what its name says`,
        'DETAIL:  It is 65536 bytes long, which is no segment size.',
      ),
  ],
  [
    'it is damaged inside',
    () => void node.sandbox.file(`first/${name}`, segmentBytes(name).fill(0, 614_400, 622_592)),
    () =>
      error(
        `will not restore ${name} from file:${node.path('first')}: it is not what its name says`,
        'DETAIL:  Its pages from offset 614400 to 622592 are missing or damaged.',
      ),
  ],
  [
    'it is another cluster’s',
    () => void node.segment(name, { systemIdentifier: anotherCluster }, 'first'),
    () =>
      error(
        `will not restore ${name} from file:${node.path('first')}: it belongs to another cluster`,
        `DETAIL:  It belongs to system identifier ${anotherCluster}; this cluster is ${ourCluster}.`,
      ),
  ],
  [
    'the archive is another cluster’s',
    () => {
      const owner = { archive: '0123456789abcdef', system_identifier: String(anotherCluster) };
      node.sandbox.file('first/.twowarm/owner', JSON.stringify(owner));
    },
    () =>
      error(
        `could not restore ${name}: the archive ${node.path('first')} belongs to another cluster`,
        `DETAIL:  It holds WAL of system identifier ${anotherCluster}; this cluster is ${ourCluster}.`,
        'HINT:  Give each cluster an archive directory of its own.',
      ),
  ],
  [
    'it is there compressed, and damaged',
    () => void node.sandbox.file(`first/${name}.zst`, 'compressed'),
    () => error(...damaged('first')),
  ],
];

describe.each(modes)('when it cannot be known under %s', (mode) => {
  const its = inTurn(3, placeOf[mode]);
  const code = mode === 'recovery' ? 200 : 1;
  beforeEach(() => node.mode(mode));

  its.each(reasons)(`the answer is ${code}: %s`, async (_, prepare, message) => {
    prepare();
    expect(await node.restore(name, target)).toEqual(refused(code, message()));
    if (statSync(node.path('first'), { throwIfNoEntry: false })) chmodSync(node.path('first'), 0o700);
  });

  inTurn(3, placeOf[mode] + 1).each(reasons)(
    'the second source may have the file, with a warning of the first: %s',
    async (_, prepare, message) => {
      prepare();
      node.segment(name, {}, 'second');
      const outcome = await node.restore(name, target);
      const stderr = message().replace('ERROR', 'WARNING');
      expect(outcome).toEqual({ ...silent([`created data/${target}`]), stderr });
      expect(readFileSync(node.path(`data/${target}`)).equals(segmentBytes(name))).toBe(true);
      if (statSync(node.path('first'), { throwIfNoEntry: false })) chmodSync(node.path('first'), 0o700);
    },
  );

  its('both sources are named, once', async () => {
    rmSync(node.path('first'), { recursive: true });
    node.sandbox.file(`second/${name}.zst`, 'compressed');
    const first = [
      `could not restore ${name}: the archive directory ${node.path('first')} does not exist`,
      'HINT:  If it is a mount, mount it. No program creates it: make a new one with mode 0700 as the owner of the data directory.',
    ];
    const stderr = report('WARNING', ...damaged('second')) + error(...first);
    expect(await node.restore(name, target)).toEqual(refused(code, stderr));
  });

  its(
    'a damaged gap record leaves the file absent; a standby, which asks again, hears of it once',
    async () => {
      const path = node.sandbox.file(`first/.twowarm/gaps/${name}`, '{');
      const message = report(
        'WARNING',
        `the gap record ${path} is damaged`,
        'HINT:  It says that the file of its name was never archived. Take note of that and remove it.',
      );
      const isStandby = mode === 'standby';
      const kept = ['created twowarm/state/said', 'created twowarm/state/said/gap-00000001-0'];
      expect(await node.restore(name, target)).toEqual({
        ...refused(1, message),
        changed: isStandby ? kept : [],
      });
      expect(await node.restore(name, target)).toEqual(refused(1, isStandby ? '' : message));
    },
  );
});

describe('how long it tries to know', () => {
  const limited = (limit: string): void => node.configure(twoSources(node.path).replace('300ms', limit));
  const timed = async (file: string): Promise<{ code: number | null; ms: number }> => {
    const started = performance.now();
    const { code } = await node.restore(file, target);
    return { code, ms: performance.now() - started };
  };

  it.each([
    ['standby', 1],
    ['recovery', 200],
  ] as const)('under %s up to restore.retry_limit', async (mode, code) => {
    node.mode(mode);
    limited('1500ms');
    rmSync(node.path('first'), { recursive: true });
    const { code: given, ms } = await timed(name);
    expect(given).toBe(code);
    expect(ms).toBeGreaterThan(900);
    expect(ms).toBeLessThan(6000);
  });

  it('under standby no longer than 5 s for a history', async () => {
    node.mode('standby');
    limited('60s');
    rmSync(node.path('first'), { recursive: true });
    const { code, ms } = await timed('00000002.history');
    expect(code).toBe(1);
    expect(ms).toBeGreaterThan(2500);
    expect(ms).toBeLessThan(9000);
  });

  it('without a signal file not at all', async () => {
    node.mode('none');
    limited('60s');
    rmSync(node.path('first'), { recursive: true });
    const { code, ms } = await timed(name);
    expect(code).toBe(1);
    expect(ms).toBeLessThan(3000);
  });

  it('and serves the file when the source comes back within it', async () => {
    node.mode('recovery');
    limited('20s');
    node.segment(name, {}, 'first');
    renameSync(node.path('first'), node.path('away'));
    const answer = run('/bin/sh', ['-c', commandLine('restoreWALFile', name, target)], {
      cwd: node.dataDirectory,
    });
    await sleep(700);
    renameSync(node.path('away'), node.path('first'));
    expect(await answer).toMatchObject({ code: 0, stdout: '', stderr: '' });
    expect(readFileSync(node.path(`data/${target}`)).equals(segmentBytes(name))).toBe(true);
  });
});
