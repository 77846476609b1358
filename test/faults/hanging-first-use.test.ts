// A disk that dies when it is written to for the first time: becoming an archive, and the first gap record, are calls that a
// time limit leaves behind. Other destinations have their files meanwhile.
import { existsSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { commandLine, makeNode } from '../harness/node-fixture.ts';
import { withSlowCalls } from '../harness/slow-calls.ts';
import { segmentNamed } from '../harness/wal-files.ts';
import { waitFor } from '../harness/wait-for.ts';
import { arrive, destinationsToml, makeRelayNode, startRelay } from '../relay/fixture.ts';

const [first, second] = [segmentNamed(1), segmentNamed(2)];
const delayMs = 20_000;
const mkdir = ['mkdir', 'mkdirat'];

describe.concurrent('a disk that hangs at its first use', { timeout: 90_000 }, () => {
  it.each([
    ['as it becomes an archive', 'dead/.twowarm', mkdir],
    ['as it is looked through for whose it is', 'dead', ['getdents64']],
  ])('does not keep a relay from the others: %s', async (_, path, calls) => {
    const more = "time_limit = '2s'\n";
    await using node = await makeRelayNode('dead-first-use', { destinations: ['dead', 'dr'], more });
    arrive(node, first);
    const relaying = commandLine('twowarm', 'relay', '--json');
    const line = withSlowCalls(relaying, { calls, delayMs, path: node.path(path) });
    const relay = startRelay(node, line);
    const begun = performance.now();
    await waitFor('the other one to have it', () => existsSync(node.path(`dr/${first}`)), {
      limitMs: 60_000,
    });
    await waitFor('the word', () => relay.said().includes('no answer within 2s'), { limitMs: 60_000 });
    arrive(node, second);
    await waitFor('the next one', () => existsSync(node.path(`dr/${second}`)), { limitMs: 60_000 });
    expect(performance.now() - begun).toBeLessThan(delayMs);
    expect(readdirSync(node.path('dead')).filter((name) => name !== '.twowarm')).toEqual([]);
    relay.kill('SIGKILL');
    await relay.ended();
  });

  it('does not keep a gap from the others', async () => {
    await using node = await makeNode('dead-gap', {
      directories: ['dead', 'db2', 'twowarm/archive'],
      configuration: (path) => destinationsToml({ path }, ['dead', 'db2'], "time_limit = '2s'\n"),
    });
    await node.sh(commandLine('twowarm', 'archiving', 'discard'));
    node.segment(second);
    const call = commandLine('archiveWALFile', `pg_wal/${second}`, second);
    const path = node.path('dead/.twowarm/gaps');
    const { code, stderr } = await node.sh(withSlowCalls(call, { calls: mkdir, delayMs: 6000, path }));
    expect(code).toBe(0);
    expect(stderr).toContain(
      `could not record the gap ${second} at file:${node.path('dead')}: no answer within 2s; it will be recorded before`,
    );
    expect(readdirSync(node.path('db2/.twowarm/gaps'))).toEqual([second]);
  });
});
