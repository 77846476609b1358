// A preparation killed at every system call that changes something, a share of them in each run: what is left is either what was
// there, able to start and with all its WAL, or unusable with all leftover WAL beside it; and the next preparation succeeds.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { callsOf, inParallel, killAt, Missed } from '../../faults/kill.ts';
import { changesFiles, words } from '../../faults/strace.ts';
import { quoted, type NodeFixture } from '../../harness/node-fixture.ts';
import { shell } from '../../harness/run.ts';
import { makeSandbox } from '../../harness/sandbox.ts';
import { shareOf } from '../../harness/share.ts';
import { carriedNode, copyScript } from '../../harness/source-script.ts';
import type { PrepareFacts } from './children/prepare.ts';
import { controlBytes, sourceOf } from './scene.ts';

const script = 'test/copying/near/children/prepare.ts';
const marked = ['00000001.history', '000000010000000000000004', '000000010000000000000005'];
const configuration = { 'postgresql.conf': 'port = 5433\n', 'pg_hba.conf': 'local all all peer\n' };
const contentOf = (name: string): string => `the content of ${name}`;

/** As much of a node as killAt looks at. */
type Victim = Pick<NodeFixture, 'sandbox' | 'dataDirectory'> & AsyncDisposable & { commandLine: string };

/** A former primary's data directory, and the line that prepares it. */
function makeVictim(program: string): Victim {
  const sandbox = makeSandbox('killed');
  sandbox.directory('data');
  sandbox.file('data/PG_VERSION', '15\n');
  sandbox.file('data/global/pg_control', controlBytes({ state: 6 }));
  sandbox.file('data/postmaster.pid', '999999999\n');
  sandbox.file('data/pg_wal/000000010000000000000003', 'archived');
  for (const name of marked) {
    sandbox.file(`data/pg_wal/${name}`, contentOf(name));
    sandbox.file(`data/pg_wal/archive_status/${name}.ready`, '');
  }
  for (const [name, text] of Object.entries(configuration)) sandbox.file(`data/${name}`, text);
  const dataDirectory = join(sandbox.path, 'data');
  const facts: PrepareFacts = {
    directory: dataDirectory,
    source: { ...sourceOf(), lsn: `${sourceOf().lsn}` },
    walDirectory: join(sandbox.path, 'wal'),
  };
  const line = [carriedNode(), program, JSON.stringify(facts)];
  const commandLine = line.map(quoted).join(' ');
  return { sandbox, dataDirectory, commandLine, [Symbol.asyncDispose]: () => sandbox.dispose() };
}

const roomsIn = (directory: string): string[] =>
  existsSync(directory)
    ? readdirSync(directory)
        .filter((name) => !name.startsWith('.'))
        .map((name) => join(directory, name))
    : [];

const isKept = (room: string, name: string, text: string): boolean =>
  existsSync(join(room, name)) && readFileSync(join(room, name), 'utf8') === text;

/** All leftovers are whole in one room, and so is the configuration. */
function expectAllKept(home: string): void {
  const rooms = roomsIn(join(home, 'leftover-wal'));
  expect(rooms.some((room) => marked.every((name) => isKept(room, name, contentOf(name))))).toBe(true);
  const newest = roomsIn(join(home, 'saved-configuration')).sort().at(-1)!;
  for (const [name, text] of Object.entries(configuration)) expect(isKept(newest, name, text)).toBe(true);
}

function expectSafe({ dataDirectory, sandbox }: Victim): void {
  const at = (name: string): string => join(dataDirectory, name);
  if (!existsSync(at('global/pg_control'))) {
    expect(existsSync(at('.twowarm-copying'))).toBe(true);
    return expectAllKept(join(sandbox.path, 'twowarm'));
  }
  for (const name of marked) {
    expect(readFileSync(at(`pg_wal/${name}`), 'utf8')).toBe(contentOf(name));
    expect(existsSync(at(`pg_wal/archive_status/${name}.ready`))).toBe(true);
  }
  expect(readFileSync(at('pg_wal/000000010000000000000003'), 'utf8')).toBe('archived');
  for (const [name, text] of Object.entries(configuration)) expect(readFileSync(at(name), 'utf8')).toBe(text);
}

async function killOnce(
  program: string,
  calls: Awaited<ReturnType<typeof callsOf>>,
  index: number,
): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    await using victim = makeVictim(program);
    try {
      await killAt(victim, victim.commandLine, calls, index, attempt);
    } catch (error) {
      if (error instanceof Missed && attempt < 8) continue;
      throw error;
    }
    expectSafe(victim);
    const again = await shell(victim.commandLine, { cwd: victim.sandbox.path });
    expect(again).toMatchObject({ code: 0, stderr: '' });
    expectAllKept(join(victim.sandbox.path, 'twowarm'));
    expect(existsSync(join(victim.dataDirectory, 'global/pg_control'))).toBe(false);
    expect(readdirSync(join(victim.sandbox.path, 'wal'))).toEqual(['archive_status']);
    return;
  }
}

it('a preparation that is killed anywhere loses no WAL, and leaves nothing that could start half emptied', async () => {
  const program = copyScript(script);
  await using whole = makeVictim(program);
  const calls = await callsOf(whole, whole.commandLine);
  const changes = calls.filter(changesFiles);
  // Fewer would mean that the account is not read right; and the order is what everything rests on.
  expect(changes.length).toBeGreaterThan(50);
  const at = (start: string): number => changes.findIndex((call) => words(call).startsWith(start));
  const order = [
    'link "~/data/pg_wal/000000010000000000000005"',
    'rename "~/twowarm/saved-configuration/',
    'rename "~/data/.tmp..twowarm-copying',
    'rename "~/data/global/pg_control"',
    'unlink "~/data/postmaster.pid"',
    'unlink "~/data/pg_wal/000000010000000000000005"',
    'symlink "~/wal"',
  ].map(at);
  expect(order).toEqual([...order].sort((a, b) => a - b));
  expect(order[0]).toBeGreaterThanOrEqual(0);
  const indexes = shareOf([...changes.keys()], 9);
  await inParallel(indexes.length, (which) => killOnce(program, calls, indexes[which]!));
}, 240_000);
