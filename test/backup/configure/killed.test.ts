// SIGKILL before each name that configStandby gives or takes away: the server of what is left starts as a standby that waits, or
// the directory is as it was; and the same call again completes it.
import { existsSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

import { readRecoveryMode } from '../../../src/postgres/recovery-mode.ts';
import { readServerSettings } from '../../../src/postgres/server-settings.ts';
import { inParallel } from '../../faults/kill.ts';
import { trace } from '../../faults/strace.ts';
import { commandLine, type NodeFixture } from '../../harness/node-fixture.ts';
import { shareOf, turnOf } from '../../harness/share.ts';
import { changesBetween, snapshot } from '../../harness/tree-snapshot.ts';
import { makeCopy, restoreCommand, textOf } from './node-to-configure.ts';

interface Story {
  major: number;
  mode: 'hot' | 'warm';
  files?: Record<string, string>;
}

const saved = {
  'twowarm/saved-configuration/1/postgresql.conf': 'port = 5433\n',
  'twowarm/saved-configuration/1/pg_hba.conf': 'local all all peer\n',
};
const trigger = { 'twowarm/trigger': 'fast' };
const standbyConf = { 'data/recovery.conf': "standby_mode = 'on'\nrestore_command = 'cp'\n" };

const stories: [string, Story][] = [
  ['hot, from 12 on', { major: 15, mode: 'hot', files: { ...saved, ...trigger } }],
  ['warm, from 12 on', { major: 15, mode: 'warm', files: { ...saved, ...trigger } }],
  ['warm to hot, from 12 on', { major: 12, mode: 'hot', files: { 'data/recovery.signal': '', ...trigger } }],
  ['hot, before 12', { major: 11, mode: 'hot', files: { ...saved, ...trigger } }],
  ['warm, before 12', { major: 11, mode: 'warm', files: { ...saved, ...trigger } }],
  ['hot to warm, before 12', { major: 10, mode: 'warm', files: { ...standbyConf, ...trigger } }],
];

/** Ours beside what is configured: records, copies, what was not finished. */
const beside = /(^|\/)(state|replaced-configuration|node|strace|\.tmp\..*)(\/|$)/;

const waits = (node: NodeFixture): boolean => /^wait = 'warm'$/m.test(textOf(node, 'twowarm/twowarm.toml'));

/** Whether a server that is started now goes on asking, and does not open the database by itself. */
function staysClosed(node: NodeFixture): boolean {
  const mode = readRecoveryMode(node.dataDirectory);
  if (mode !== 'recovery') return mode === 'standby';
  const command = readServerSettings(node.dataDirectory).get('restore_command');
  return waits(node) && command === restoreCommand() && !existsSync(node.path('twowarm/trigger'));
}

function expectComplete(node: NodeFixture, { major, mode }: Story): void {
  expect(readRecoveryMode(node.dataDirectory)).toBe(mode === 'hot' ? 'standby' : 'recovery');
  expect(staysClosed(node)).toBe(true);
  expect(waits(node)).toBe(mode === 'warm');
  expect(readServerSettings(node.dataDirectory).get('restore_command')).toBe(restoreCommand());
  const signals = readdirSync(node.dataDirectory).filter((name) => name.endsWith('.signal'));
  expect(signals).toEqual(major < 12 ? [] : [mode === 'hot' ? 'standby.signal' : 'recovery.signal']);
  const unfinished = [...snapshot(node.sandbox.path).keys()].filter((path) => path.includes('.tmp.'));
  expect(unfinished).toEqual([]);
}

/** Runs it until it enters that call; whether it was killed there. */
async function killedIn(story: Story, call: string, nth: number): Promise<boolean> {
  await using node = await makeCopy(story.major, story.files);
  const line = commandLine('configStandby', '--mode', story.mode);
  const before = snapshot(node.sandbox.path);
  const { program } = trace(node, line, { inject: `${call}:signal=SIGKILL:when=${nth}` });
  const { code, signal } = await program.result;
  const isKilled = signal === 'SIGKILL' || code === 137;
  const changed = changesBetween(before, snapshot(node.sandbox.path), beside);
  if (!staysClosed(node)) expect({ call, nth, changed }).toEqual({ call, nth, changed: [] });
  const again = await node.sh(line);
  expect({ code: again.code, stderr: again.stderr }).toEqual({ code: 0, stderr: '' });
  expectComplete(node, story);
  return isKilled;
}

/** How often a whole run enters each of the calls that give or take a name away; all in one thread. */
async function countsOf(story: Story): Promise<[call: string, nth: number][]> {
  await using node = await makeCopy(story.major, story.files);
  const line = commandLine('configStandby', '--mode', story.mode);
  const traced = trace(node, line);
  expect((await traced.program.result).code).toBe(0);
  expectComplete(node, story);
  return ['rename', 'unlink'].flatMap((name) => {
    const count = traced.calls().filter((call) => call.name === name && call.thread === 'main').length;
    return Array.from({ length: count }, (_, index): [string, number] => [name, index + 1]);
  });
}

describe('configStandby that is killed', { concurrent: true, timeout: 300_000 }, () => {
  it.each(turnOf(stories, 3))('leaves nothing that opens, %s', async (_, story) => {
    const points = await countsOf(story);
    expect(points.length).toBeGreaterThan(6);
    const played = shareOf(points, 2);
    const killed: boolean[] = [];
    await inParallel(played.length, async (at) => {
      killed.push(await killedIn(story, ...played[at]!));
    });
    // A run may cache one thing less.
    expect(killed.filter(Boolean).length).toBeGreaterThan(played.length - 2);
  });
});
