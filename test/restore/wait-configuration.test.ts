// twowarm.toml that changes during a wait: a wrong source must be curable without stopping the server.
import { appendFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { installation } from '../harness/installation.ts';
import type { NodeFixture } from '../harness/node-fixture.ts';
import { inTurn, placeOf } from '../harness/share.ts';
import {
  answered,
  makeArchive,
  makeWaitingNode,
  place,
  publish,
  report,
  resetWaitingNode,
  restored,
  startRestore,
  startWaiting,
  target,
  toldBy,
  untilItIsIdle,
  untilItWaits,
  waitingToml,
  type WaitingSettings,
} from '../harness/waiting.ts';
import { segmentNamed } from '../harness/wal-files.ts';

const name = segmentNamed(0x21);
const toml = 'twowarm/twowarm.toml';

let node: NodeFixture;
beforeAll(async () => {
  node = await makeWaitingNode('wait-configuration');
});
beforeEach(() => resetWaitingNode(node));
afterAll(() => node[Symbol.asyncDispose]());

const textOf = (settings: WaitingSettings): string =>
  `[node]\ndata_directory = '${node.dataDirectory}'\n${waitingToml(node.path, settings)}`;
/** Replaces the file by a rename, as editors and configuration management do. */
const replace = (settings: WaitingSettings): void => place(node, toml, textOf(settings));

const modes = [
  ['standby', 'auto'],
  ['recovery', 'warm'],
] as const;

describe.each(modes)('a changed twowarm.toml under %s', (mode, wait) => {
  const its = inTurn(2, placeOf[mode]);
  beforeEach(() => {
    node.mode(mode);
    node.configure(waitingToml(node.path, { wait }));
  });

  its('leads to the segment at a new source', async () => {
    const call = await startWaiting(node, name);
    makeArchive(node, 'elsewhere');
    publish(node, 'elsewhere', name);
    replace({ wait, sources: ['first', 'elsewhere'] });
    const { changed, ...ending } = await call.ended();
    expect(changed).toContain(`created data/${target}`);
    expect({ ...ending, changed: [] }).toEqual(answered(0));
  });

  its('written in place does, too, and the new source is watched', async () => {
    const call = await startWaiting(node, name);
    makeArchive(node, 'elsewhere');
    node.configure(waitingToml(node.path, { wait, sources: ['first', 'elsewhere'] }));
    await untilItWaits(call);
    const startedMs = performance.now();
    publish(node, 'elsewhere', name);
    expect((await call.ended()).code).toBe(0);
    expect(performance.now() - startedMs).toBeLessThan(5000);
  });

  its('is followed again and again', async () => {
    const call = await startWaiting(node, name);
    for (const sources of [['first'], ['second'], ['first', 'second'], ['second']]) {
      replace({ wait, sources });
      await untilItWaits(call);
    }
    publish(node, 'first', name);
    replace({ wait, sources: ['first'] });
    expect((await call.ended()).code).toBe(0);
  });

  its('that moves the trigger file moves what is listened to', async () => {
    const call = await startWaiting(node, name);
    replace({ wait, more: `trigger_file = '${node.path('elsewhere/trigger')}'\n` });
    await untilItWaits(call);
    const startedMs = performance.now();
    place(node, 'elsewhere/trigger', 'fast');
    const { code, stderr } = await call.ended();
    const told = toldBy(node.path('elsewhere/trigger'), 'fast', mode === 'standby');
    expect({ code, stderr }).toEqual({ code: 1, stderr: told });
    expect(performance.now() - startedMs).toBeLessThan(5000);
  });

  its('that turns waiting off ends the wait', async () => {
    const call = await startWaiting(node, name);
    replace({ wait: 'off' });
    expect(await call.ended()).toEqual(answered(1, '', [`changed ${toml}`]));
  });
});

describe('a twowarm.toml that is broken during a wait', () => {
  const broken = (): string =>
    `cannot use the configuration ${node.path(toml)}: line 9: unknown key "xyz" in [restore]`;

  it('is an error under standby', async () => {
    const call = await startWaiting(node, name);
    appendFileSync(node.path(toml), 'xyz = 1\n');
    const { code, stderr, changed } = await call.ended();
    expect({ code, changed }).toEqual({ code: 1, changed: [`changed ${toml}`] });
    expect(stderr).toBe(report('ERROR', broken()));
  });

  it('is a warning under recovery with wait = warm, and curable', async () => {
    node.mode('recovery');
    node.configure(waitingToml(node.path, { wait: 'warm' }));
    const call = await startWaiting(node, name);
    appendFileSync(node.path(toml), 'xyz = 1\n');
    await untilItWaits(call);
    rmSync(node.path(toml));
    await untilItWaits(call);
    replace({ wait: 'warm', sources: ['second'] });
    await untilItWaits(call);
    publish(node, 'second', name);
    const said = report('WARNING', `still waiting for ${name}: ${broken()}`);
    const { stderr, ...ended } = await call.ended();
    expect({ ...ended, stderr: said }).toEqual({
      ...restored(`changed ${toml}`, `created second/${name}`),
      stderr: said,
    });
    // The moment without any file may have been seen, too, in between: that is another reason, and said at once.
    const gone = report(
      'WARNING',
      `still waiting for ${name}: could not find the configuration: there is no ${node.path(toml)} and no /etc/twowarm/twowarm.toml`,
      `HINT:  Create it from ${join(installation(), 'conf-templates/twowarm.toml')}, or name it with --config or TWOWARM_CONFIG.`,
    );
    expect(stderr).toContain(said);
    expect(stderr.replaceAll(said, '').replaceAll(gone, '')).toBe('');
  });

  it('under recovery keeps to the sources that were right', async () => {
    node.mode('recovery');
    node.configure(waitingToml(node.path, { wait: 'warm' }));
    const call = await startWaiting(node, name);
    appendFileSync(node.path(toml), 'xyz = 1\n');
    await untilItWaits(call);
    publish(node, 'first', name);
    expect((await call.ended()).code).toBe(0);
  });
});

describe('a twowarm.toml that is being written in place under recovery with wait = warm', () => {
  let whole: string;
  const half = (): void => writeFileSync(node.path(toml), whole.slice(0, whole.indexOf('wait =')));
  beforeEach(() => {
    node.mode('recovery');
    node.configure(waitingToml(node.path, { wait: 'warm' }));
    whole = readFileSync(node.path(toml), 'utf8');
  });

  it('does not end a wait while only its first half is there', async () => {
    const call = await startWaiting(node, name);
    half();
    await untilItWaits(call);
    writeFileSync(node.path(toml), whole);
    await untilItWaits(call);
    publish(node, 'first', name);
    expect((await call.ended()).code).toBe(0);
  });

  it('does not end a recovery whose call began with its first half', async () => {
    half();
    const call = startRestore(node, name);
    await untilItIsIdle(call);
    writeFileSync(node.path(toml), whole);
    await untilItWaits(call);
    publish(node, 'second', name);
    expect((await call.ended()).code).toBe(0);
  });
});
