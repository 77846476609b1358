// The longest wait of a standby ends with what a look has just found, never with what happened since.
import { renameSync } from 'node:fs';
import { expect, it } from 'vitest';
import { readControlFile } from '../../src/postgres/control-file.ts';
import type { ThisNode } from '../../src/postgres/this-node.ts';
import { findPlace } from '../../src/program/home.ts';
import { readSettings } from '../../src/program/settings/read.ts';
import { waitForSegment } from '../../src/restore/waiting/wait-for-segment.ts';
import type { NodeFixture } from '../harness/node-fixture.ts';
import { waitFor } from '../harness/wait-for.ts';
import { makeWaitingNode } from '../harness/waiting.ts';
import { segmentNamed } from '../harness/wal-files.ts';
import { parseWalFileName } from '../../src/wal/filename.ts';

const longestMs = 500;
const name = segmentNamed(0x21);

function openNode(node: NodeFixture): ThisNode {
  const { settings } = readSettings(findPlace({ environment: {}, workingDirectory: node.dataDirectory }));
  const cluster = readControlFile(node.dataDirectory);
  const systemIdentifier = cluster.systemIdentifier.toString();
  const stateDirectory = `${node.home}/state`;
  return {
    settings,
    cluster,
    identity: {
      systemIdentifier,
      nodeId: '0123456789abcdef',
      nodeName: 'db2',
      stateDirectory,
      dryRun: false,
      login: settings.ssh,
      rsync: settings.rsync,
      facts: () => {
        throw new Error('nobody asks over a network');
      },
    },
  };
}

/** A wait within this process, with what it said. */
function wait(node: NodeFixture): { answer: Promise<string>; said: string[] } {
  const opened = openNode(node);
  const said: string[] = [];
  const voice = {
    alsoTo: () => undefined,
    event: async () => undefined,
    answer: () => undefined,
    report: async (_level: string, { message }: { message: string }) => void said.push(message),
  };
  const file = parseWalFileName(name);
  if (file?.kind !== 'segment') throw new Error('not a segment');
  const { signal: stop } = new AbortController();
  const target = `${node.dataDirectory}/pg_wal/RECOVERYXLOG`;
  const asking = { name: file, target, mode: 'standby' as const, node: opened, voice, stop };
  return { said, answer: waitForSegment({ asking, name: file, reload: async () => opened, longestMs }) };
}

it('of a standby has an end', async () => {
  await using node = await makeWaitingNode('wait-longest');
  const { answer, said } = wait(node);
  const over = performance.now() + longestMs;
  await waitFor('the time to be over', () => performance.now() > over);
  node.sandbox.file('first/00000009.history', '1\t0/21\n');
  expect(await answer).toBe('absent');
  expect(said).toEqual([]);
});

it('does not end by a trigger that comes after it while nothing can be known', async () => {
  await using node = await makeWaitingNode('wait-longest');
  node.segment(name, {}, 'away');
  const { answer, said } = wait(node);
  const over = performance.now() + 2 * longestMs;
  await waitFor('the time to be over', () => performance.now() > over);
  renameSync(node.path('first'), node.path('gone'));
  node.sandbox.file('twowarm/trigger', 'smart');
  await waitFor('it to say that it goes on', () => said.some((words) => words.startsWith('still waiting')));
  renameSync(node.path(`away/${name}`), node.path(`gone/${name}`));
  renameSync(node.path('gone'), node.path('first'));
  expect(await answer).toBe('restored');
});
