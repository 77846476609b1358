import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { dryRun } from '../../src/transport/dry-run.ts';
import { openDestination, openSource } from '../../src/transport/open.ts';
import type { GapRecord } from '../../src/program/gap-record.ts';
import type { Identity, Inspect, Transport } from '../../src/transport/transport.ts';
import { makeSandbox, type Sandbox } from '../harness/sandbox.ts';
import { faultOf, type Fault } from '../program/fault.ts';
import { acceptAll, makeNode, neverStopped, openFilesIn, patterned, photograph, treeOf } from './archives.ts';

const segment = '000000010000000000000005';
const partial = `${segment}.partial`;
const gap: GapRecord = { name: segment, reason: 'discarded', at: '2024-05-06T07:08:09.000Z', node: 'db1' };
const megabyte = 1024 * 1024;

let temporary: Sandbox;
const ownTemporary = process.env['TMPDIR'];

beforeAll(() => {
  temporary = makeSandbox('dry-run-tmp');
  process.env['TMPDIR'] = temporary.path;
});
beforeEach(() => expect(readdirSync(temporary.path)).toEqual([]));
afterAll(async () => {
  if (ownTemporary === undefined) delete process.env['TMPDIR'];
  else process.env['TMPDIR'] = ownTemporary;
  expect(readdirSync(temporary.path)).toEqual([]);
  await temporary.dispose();
});

interface Rehearsal extends AsyncDisposable {
  sandbox: Sandbox;
  node: Identity;
  directory: string;
  /** The road that acts, and the one that only says what it would do. */
  real: Transport;
  dry: Transport;
}

/** An archive with a segment, a partial segment and a gap in it. */
async function rehearse(): Promise<Rehearsal> {
  const sandbox = makeSandbox('dry-run');
  const directory = sandbox.directory('archive');
  const url = `file:${directory}`;
  const node = makeNode(sandbox);
  const real = await openDestination(url, node);
  for (const name of [segment, partial]) {
    await real.put(name, sandbox.file('stored', patterned(megabyte, 1)), acceptAll, neverStopped);
  }
  await real.recordGap(gap, neverStopped);
  const dry = dryRun(await openSource(url, node));
  return { sandbox, node, directory, real, dry, [Symbol.asyncDispose]: () => sandbox.dispose() };
}

describe('a dry run', () => {
  it.each([
    ['a new name', '000000010000000000000006', 1, 'stored'],
    ['a new name for an empty file', '00000002.history', 0, 'stored'],
    ['the same content', segment, 1, 'already-stored'],
    ['the same partial segment', partial, 1, 'already-stored'],
    ['another partial segment', partial, 2, 'stored-as-version'],
  ])('changes nothing and says what would come of %s, as it then does', async (_, name, seed, outcome) => {
    await using rehearsal = await rehearse();
    const { sandbox, dry, real } = rehearsal;
    const source = sandbox.file('source', patterned(seed === 0 ? 0 : megabyte, seed));
    const before = photograph(sandbox.path);
    expect(await dry.put(name, source, acceptAll, neverStopped)).toBe(outcome);
    expect(photograph(sandbox.path)).toEqual(before);
    expect(openFilesIn(sandbox.path)).toEqual([]);
    expect(await real.put(name, source, acceptAll, neverStopped)).toBe(outcome);
  });

  it.each([
    ['other content', segment, patterned(megabyte, 2)],
    ['a shorter file', segment, patterned(megabyte - 1, 1)],
    ['a name that is none', 'RECOVERYXLOG', patterned(10, 1)],
  ])('refuses %s as the real put would, and changes nothing', async (_, name, bytes) => {
    await using rehearsal = await rehearse();
    const { sandbox, dry, real } = rehearsal;
    const source = sandbox.file('source', bytes);
    const before = photograph(sandbox.path);
    const fault = await faultOf(() => dry.put(name, source, acceptAll, neverStopped));
    expect(photograph(sandbox.path)).toEqual(before);
    const { kind, message } = await faultOf(() => real.put(name, source, acceptAll, neverStopped));
    expect(fault).toMatchObject({ kind, message });
  });

  it('refuses a source that is missing or no file as the real put would', async () => {
    await using rehearsal = await rehearse();
    const { sandbox, dry, real } = rehearsal;
    const refusal = (road: Transport, source: string): Promise<Fault> =>
      faultOf(() => road.put(segment, source, acceptAll, neverStopped));
    for (const source of [join(sandbox.path, 'missing'), sandbox.directory('a directory')]) {
      const expected = await refusal(real, source);
      expect(expected.kind).toBe('source-missing');
      expect(await refusal(dry, source)).toEqual(expected);
    }
  });

  it('shows the whole source to the inspection, which can refuse it', async () => {
    await using rehearsal = await rehearse();
    const { sandbox, dry } = rehearsal;
    const source = sandbox.file('source', patterned(2 * megabyte, 2));
    const seen: number[] = [];
    const refusal = new Error('not what it claims to be');
    const inspectOf = (sizeBytes: number): Inspect => ({
      add: (chunk) => void seen.push(chunk.length),
      end: () => {
        expect(seen.reduce((sum, length) => sum + length, 0)).toBe(sizeBytes);
        throw refusal;
      },
    });
    await expect(dry.put('000000010000000000000006', source, inspectOf, neverStopped)).rejects.toBe(refusal);
    expect(seen.every((length) => length % 65_536 === 0)).toBe(true);
    expect(openFilesIn(sandbox.path)).toEqual([]);
  });

  it('removes nothing and records no gap', async () => {
    await using rehearsal = await rehearse();
    const { sandbox, dry } = rehearsal;
    const before = photograph(sandbox.path);
    expect(await dry.remove(segment, neverStopped)).toBe('removed');
    await dry.recordGap({ ...gap, name: '000000010000000000000009' }, neverStopped);
    expect(photograph(sandbox.path)).toEqual(before);
  });

  it('reads what the real road reads', async () => {
    await using rehearsal = await rehearse();
    const { sandbox, dry, real } = rehearsal;
    expect(await dry.list(neverStopped)).toEqual([segment, partial]);
    expect(await dry.stat(segment, neverStopped)).toEqual({ sizeBytes: megabyte });
    expect(await dry.gapOf(segment, neverStopped)).toEqual(gap);
    const target = join(sandbox.path, 'fetched');
    expect(await dry.get(segment, target, acceptAll, neverStopped)).toBe('fetched');
    expect(readFileSync(target).equals(patterned(megabyte, 1))).toBe(true);
    expect({ url: dry.url, promises: dry.promises }).toEqual({ url: real.url, promises: real.promises });
    await dry.close();
  });

  it('does not say "stored" where nobody can know', async () => {
    await using rehearsal = await rehearse();
    const { sandbox, dry, directory } = rehearsal;
    rmSync(directory, { recursive: true });
    const source = sandbox.file('source', patterned(10, 1));
    const fault = await faultOf(() => dry.put(segment, source, acceptAll, neverStopped));
    expect(fault.kind).toBe('directory-missing');
  });

  it('stops when its signal speaks', async () => {
    await using rehearsal = await rehearse();
    const { sandbox, dry } = rehearsal;
    const source = sandbox.file('source', patterned(4 * megabyte, 1));
    const controller = new AbortController();
    const reason = new Error('stopped by SIGTERM');
    const stop = (): void => controller.abort(reason);
    const put = dry.put(segment, source, () => ({ add: stop, end: stop }), controller.signal);
    await expect(put).rejects.toBe(reason);
    expect(openFilesIn(sandbox.path)).toEqual([]);
  });

  it('works on a node that has never run, and does not make its state', async () => {
    await using rehearsal = await rehearse();
    const { sandbox, directory } = rehearsal;
    const home = sandbox.directory('new home');
    const state = { nodeId: 'unrecorded', stateDirectory: join(home, 'state'), dryRun: true };
    const identity = { ...makeNode(sandbox), ...state };
    const dry = dryRun(await openSource(`file:${directory}`, identity));
    const source = sandbox.file('source', patterned(megabyte, 1));
    expect(await dry.put(segment, source, acceptAll, neverStopped)).toBe('already-stored');
    expect(treeOf(home)).toEqual([]);
  });
});
