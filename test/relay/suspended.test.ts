// What a person has said of a destination, and what the archive keeps for the relay because of it.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

import { commandLine, type NodeFixture } from '../harness/node-fixture.ts';
import { waitFor } from '../harness/wait-for.ts';
import { segmentNamed } from '../harness/wal-files.ts';
import {
  arrive,
  makeRelayNode,
  namesIn,
  passed,
  rsyncDR,
  silence,
  startedRelay,
  untilThere,
} from './fixture.ts';

const [first, second, third] = [segmentNamed(1), segmentNamed(2), segmentNamed(3)];

const destination = async (node: NodeFixture, verb: string, name: string): Promise<void> => {
  const { code, stderr } = await node.sh(commandLine('twowarm', 'destination', verb, name));
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
};

/** An own archive that has an owner, as one has that a primary has archived into. */
function own(node: NodeFixture): void {
  const owner = { archive: '00112233445566aa', system_identifier: '7311222333444555666' };
  node.sandbox.file('twowarm/archive/.twowarm/format', 'twowarm archive 1\n');
  node.sandbox.file('twowarm/archive/.twowarm/owner', `${JSON.stringify(owner)}\n`);
}

/** What is on record of the relay in its own archive. */
function need(node: NodeFixture): Record<string, unknown> {
  const { id } = JSON.parse(readFileSync(node.path('twowarm/state/node.json'), 'utf8')) as { id: string };
  const path = node.path(`twowarm/archive/.twowarm/consumers/${id}.relay`);
  return JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
}

describe('a suspended destination', () => {
  it('gets nothing by rsyncDR, which is silent about it unless asked; once resumed it gets all', async () => {
    await using node = await makeRelayNode('suspended-pass', { destinations: ['dr', 'far'] });
    own(node);
    arrive(node, first);
    expect(await passed(node)).toEqual(silence);
    await destination(node, 'suspend', 'dr');
    for (const name of [second, third]) arrive(node, name);
    expect(await passed(node)).toEqual(silence);
    expect(namesIn(node, 'dr')).toEqual([first]);
    expect(namesIn(node, 'far')).toEqual([first, second, third]);
    // What it lacks has to stay.
    expect(need(node)).toMatchObject({ kind: 'relay', oldest: second });
    const { code, stderr } = await rsyncDR(node, '--verbose');
    expect(code).toBe(0);
    expect(stderr).toMatch(
      /^rsyncDR: LOG: {2}dr is suspended since \d{4}-\d\d-\d\dT[\d:.]+Z: nothing is carried there\n/,
    );
    await destination(node, 'resume', 'dr');
    expect(await passed(node)).toEqual(silence);
    expect(namesIn(node, 'dr')).toEqual([first, second, third]);
    expect(need(node)).toMatchObject({ oldest: third });
  });

  it('gets nothing while nobody can know whether it is suspended', async () => {
    await using node = await makeRelayNode('suspended-damaged', { destinations: ['dr', 'far'] });
    arrive(node, first);
    const note = node.sandbox.file('twowarm/state/destinations/dr/suspended', 'half of a no');
    const { code, stderr } = await passed(node);
    expect(stderr).toContain(`rsyncDR: ERROR:  the note ${note} is damaged\n`);
    expect(code).not.toBe(0);
    expect(namesIn(node, 'dr')).toEqual([]);
    expect(namesIn(node, 'far')).toEqual([first]);
  });

  it('is said once by a relay that stays, which goes on by itself once it is resumed', async () => {
    await using node = await makeRelayNode('suspended-relay', { destinations: ['dr', 'far'] });
    await destination(node, 'suspend', 'dr');
    arrive(node, first);
    const relay = await startedRelay(node);
    await untilThere(node, [first], 'far');
    arrive(node, second);
    await untilThere(node, [second], 'far');
    expect(namesIn(node, 'dr')).toEqual([]);
    await destination(node, 'resume', 'dr');
    // Something it watches, so that it looks at once.
    writeFileSync(node.path('data/recovery.signal'), '');
    await untilThere(node, [first, second], 'dr');
    await waitFor('the word', () => relay.said().includes('dr is not suspended any more'));
    const { code, stderr } = await relay.stop();
    expect(code).toBe(0);
    expect(stderr.match(/dr is suspended since/g)).toHaveLength(1);
    expect(existsSync(node.path('twowarm/archive/.twowarm/consumers'))).toBe(false);
  });
});
