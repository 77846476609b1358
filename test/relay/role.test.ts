// Who relays: decided from pg_control, the signal files and postmaster.pid. A primary is quiet, whatever its destinations
// are like; an unknown state is a fault.
import { chmodSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

import type { Mode, NodeFixture } from '../harness/node-fixture.ts';
import { inTurn } from '../harness/share.ts';
import { segmentNamed } from '../harness/wal-files.ts';
import {
  arrive,
  makeRelayNode,
  namesIn,
  passed,
  setState,
  silence,
  startPostmaster,
  type State,
} from './fixture.ts';

const first = segmentNamed(1);
const marker = `${JSON.stringify({ since: '2026-11-20T00:00:00.000Z', timeline: 2 })}\n`;

interface Case {
  state: State;
  mode?: Mode;
  /** The status in postmaster.pid of a running server. */
  running?: 'starting' | 'standby' | 'ready' | 'stopping';
  triggered?: boolean;
}

async function nodeOf(
  label: string,
  { state, mode = 'none', running, triggered }: Case,
): Promise<NodeFixture> {
  const node = await makeRelayNode(label);
  node.mode(mode);
  setState(node, state);
  if (triggered === true) node.sandbox.file('twowarm/state/own-archive', marker);
  if (running !== undefined) startPostmaster(node, running);
  arrive(node, first);
  return node;
}

describe('what has arrived is carried by', () => {
  inTurn(2).each<[string, Case]>([
    ['a hot standby', { state: 'in archive recovery', mode: 'standby', running: 'ready' }],
    ['a standby that lets nobody in', { state: 'in archive recovery', mode: 'standby', running: 'standby' }],
    ['a warm recovery', { state: 'in archive recovery', mode: 'recovery', running: 'standby' }],
    [
      'a standby that starts from a base backup',
      { state: 'in production', mode: 'standby', running: 'starting' },
    ],
    [
      'a standby that recovers from a crash',
      { state: 'in crash recovery', mode: 'standby', running: 'starting' },
    ],
    ['a standby in the last step of its promotion', { state: 'in archive recovery', running: 'ready' }],
    ['a stopped standby', { state: 'shut down in recovery', mode: 'standby' }],
    [
      'a stopped standby that was triggered once',
      { state: 'shut down in recovery', mode: 'standby', triggered: true },
    ],
    ['a base backup that nobody has started', { state: 'in production', mode: 'standby' }],
    ['a node whose cluster was never started', { state: 'shut down' }],
    ['a server that crashed while it recovered', { state: 'in archive recovery' }],
  ])('%s', async (label, given) => {
    await using node = await nodeOf(`role-${label}`, given);
    expect(await passed(node)).toEqual(silence);
    expect(namesIn(node, 'dr')).toEqual([first]);
  });

  it('a standby of version 11 with its recovery.conf, and not by its signal files', async () => {
    await using node = await nodeOf('role-11', {
      state: 'in crash recovery',
      mode: 'standby',
      running: 'starting',
    });
    node.sandbox.file('data/PG_VERSION', '11\n');
    expect(await passed(node)).toEqual(silence);
    expect(namesIn(node, 'dr')).toEqual([]);
    node.sandbox.file('data/recovery.conf', "standby_mode = 'on'\n");
    expect(await passed(node)).toEqual(silence);
    expect(namesIn(node, 'dr')).toEqual([first]);
  });
});

describe('quiet is', () => {
  const running = 'this server is a primary';
  const stopped = 'this server is a primary that is stopped';
  inTurn(2).each<[string, Case, string]>([
    ['a primary', { state: 'in production', running: 'ready' }, running],
    [
      'a primary with a signal file for its next start',
      { state: 'in production', mode: 'standby', running: 'ready' },
      running,
    ],
    ['a primary that stops', { state: 'shutting down', running: 'stopping' }, running],
    [
      'a primary that stops, to start as a standby',
      { state: 'shutting down', mode: 'standby', running: 'stopping' },
      running,
    ],
    ['a primary that archives its last segment', { state: 'shut down', running: 'stopping' }, running],
    ['a primary that recovers from a crash', { state: 'in crash recovery', running: 'starting' }, running],
    ['a stopped primary that was triggered', { state: 'shut down', triggered: true }, stopped],
    ['a crashed primary that was triggered', { state: 'in production', triggered: true }, stopped],
  ])('%s, also where no destination is there', async (label, given, words) => {
    await using node = await nodeOf(`quiet-${label}`, given);
    rmSync(node.path('dr'), { recursive: true });
    expect(await passed(node)).toEqual(silence);
    const stderr = `rsyncDR: LOG:  ${words}: there is nothing to relay\n`;
    expect(await passed(node, '--verbose')).toEqual({ ...silence, stderr });
  });

  it('a primary without an archive, on whatever timeline', async () => {
    await using node = await nodeOf('quiet-bare', { state: 'in production', running: 'ready' });
    rmSync(node.path('twowarm/archive'), { recursive: true });
    expect(await passed(node)).toEqual(silence);
    setState(node, 'in production', 3);
    expect(await passed(node)).toEqual(silence);
  });
});

describe('a standby that was promoted', () => {
  it('still carries what arrived before, and leaves its own timeline to archive_command', async () => {
    await using node = await nodeOf('promoted', { state: 'in production', running: 'ready' });
    arrive(node, segmentNamed(2, 2));
    setState(node, 'in production', 2);
    expect(await passed(node)).toEqual(silence);
    expect(namesIn(node, 'dr')).toEqual([first]);
    rmSync(node.path('dr'), { recursive: true });
    // Nothing is left to carry: a destination that is down is not even asked.
    expect(await passed(node)).toEqual(silence);
  });
});

describe('a fault, and no guess, is', () => {
  it('a state that this version does not know', async () => {
    await using node = await nodeOf('role-future', { state: 'of the future' });
    expect(await passed(node)).toEqual({
      code: 5,
      stdout: '',
      stderr: `rsyncDR: ERROR:  pg_control in ${node.dataDirectory} has an unknown state\nDETAIL:  Whether this node is a primary cannot be known; nothing is relayed.\nHINT:  Is there a newer twowarm?\n`,
    });
    expect(namesIn(node, 'dr')).toEqual([]);
  });

  it('a signal file that cannot be looked for', async () => {
    await using node = await nodeOf('role-loop', { state: 'in archive recovery', running: 'ready' });
    symlinkSync('standby.signal', node.path('data/standby.signal'));
    const { code, stderr } = await passed(node);
    expect(stderr).toBe(
      `rsyncDR: ERROR:  could not look for ${node.dataDirectory}/standby.signal: Too many levels of symbolic links\n`,
    );
    expect(code).toBe(5);
    expect(namesIn(node, 'dr')).toEqual([]);
  });

  it('a postmaster.pid that cannot be read', async () => {
    await using node = await nodeOf('role-pid', { state: 'in production' });
    mkdirSync(node.path('data/postmaster.pid'));
    const { code, stderr } = await passed(node);
    expect(stderr).toBe(
      `rsyncDR: ERROR:  could not read ${node.dataDirectory}/postmaster.pid: Is a directory\n`,
    );
    expect(code).toBe(26);
    chmodSync(node.path('data/postmaster.pid'), 0o700);
  });
});
