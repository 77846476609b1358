// Every answer is about the directory that was admitted: one that was mounted over, unmounted or exchanged during a call
// answers nothing.
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { openDestination } from '../../src/transport/open.ts';
import type { InspectOf, Transport } from '../../src/transport/transport.ts';
import { makeSandbox, type Sandbox } from '../harness/sandbox.ts';
import { faultOf, type Fault } from '../program/fault.ts';
import { acceptAll, makeNode, neverStopped, patterned } from './archives.ts';

const segment = '000000010000000000000005';
const other = '000000010000000000000006';

const exchanged = (directory: string): Fault => ({
  kind: 'directory-missing',
  message: `the archive directory ${directory} was exchanged meanwhile`,
  hint: 'It was mounted, unmounted or renamed during the call. The next call looks at it anew.',
});

/** Another directory under the path, with an archive of the same cluster in it, as another disk would have. */
function exchange(directory: string): void {
  renameSync(directory, `${directory}.disk`);
  mkdirSync(directory);
}

interface Opened {
  sandbox: Sandbox;
  directory: string;
  road: Transport;
}

async function open(sandbox: Sandbox): Promise<Opened> {
  const directory = sandbox.directory('archive');
  return { sandbox, directory, road: await openDestination(`file:${directory}`, makeNode(sandbox)) };
}

/** An inspection that accepts all and does something before the last word. */
const atTheEnd =
  (act: () => void): InspectOf =>
  () => ({ add: () => undefined, end: act });

describe('a directory that is exchanged during a put', () => {
  it('is refused: nobody says "stored" of a file in another one', async () => {
    await using sandbox = makeSandbox('exchanged');
    const { directory, road } = await open(sandbox);
    const source = sandbox.file('source', patterned(1000, 1));
    // The name is free in both, and the link goes through: the temporary file is moved along.
    const act = (): void => {
      exchange(directory);
      for (const name of readdirSync(`${directory}.disk`).filter((each) => each.startsWith('.tmp.'))) {
        renameSync(join(`${directory}.disk`, name), join(directory, name));
      }
    };
    const put = () => road.put(segment, source, atTheEnd(act), neverStopped);
    expect(await faultOf(put)).toEqual(exchanged(directory));
  });

  it('is refused where the new one lacks the temporary file, too, and nothing is in either', async () => {
    await using sandbox = makeSandbox('exchanged');
    const { directory, road } = await open(sandbox);
    const source = sandbox.file('source', patterned(1000, 1));
    const put = () =>
      road.put(
        segment,
        source,
        atTheEnd(() => exchange(directory)),
        neverStopped,
      );
    expect(await faultOf(put)).toEqual({
      kind: 'directory-missing',
      message: `could not store ${segment} at ${road.url}: No such file or directory`,
    });
    expect(readdirSync(directory)).toEqual([]);
    expect(readdirSync(`${directory}.disk`)).not.toContain(segment);
  });

  it.each([segment, `${segment}.partial`])('is refused also where %s is there already', async (name) => {
    await using sandbox = makeSandbox('exchanged');
    const { directory, road } = await open(sandbox);
    const source = sandbox.file('source', patterned(1000, 1));
    await road.put(name, source, acceptAll, neverStopped);
    const put = () =>
      road.put(
        name,
        source,
        atTheEnd(() => exchange(directory)),
        neverStopped,
      );
    expect(await faultOf(put)).toEqual(exchanged(directory));
  });

  it('is refused before other content of a partial segment is kept in it', async () => {
    await using sandbox = makeSandbox('exchanged');
    const { directory, road } = await open(sandbox);
    const name = `${segment}.partial`;
    await road.put(name, sandbox.file('first', patterned(1000, 1)), acceptAll, neverStopped);
    const source = sandbox.file('second', patterned(1000, 2));
    const put = () =>
      road.put(
        name,
        source,
        atTheEnd(() => exchange(directory)),
        neverStopped,
      );
    expect(await faultOf(put)).toEqual(exchanged(directory));
    expect(readdirSync(directory)).toEqual([]);
  });
});

describe('a directory that was exchanged since it was opened', () => {
  it('calls no file missing', async () => {
    await using sandbox = makeSandbox('exchanged');
    const { directory, road } = await open(sandbox);
    exchange(directory);
    const target = join(sandbox.directory('room'), 'fetched');
    expect(await faultOf(() => road.stat(segment, neverStopped))).toEqual(exchanged(directory));
    expect(await faultOf(() => road.get(segment, target, acceptAll, neverStopped))).toEqual(
      exchanged(directory),
    );
    expect(readdirSync(sandbox.directory('room'))).toEqual([]);
    rmSync(directory, { recursive: true });
    renameSync(`${directory}.disk`, directory);
    expect(await road.stat(segment, neverStopped)).toBe('missing');
  });

  it('may be the same one under another name or a link to it', async () => {
    await using sandbox = makeSandbox('exchanged');
    const { directory, road } = await open(sandbox);
    renameSync(directory, `${directory}.disk`);
    symlinkSync(`${directory}.disk`, directory);
    const source = sandbox.file('source', patterned(1000, 1));
    expect(await road.put(segment, source, acceptAll, neverStopped)).toBe('stored');
    expect(await road.stat(other, neverStopped)).toBe('missing');
    expect(readFileSync(join(directory, segment)).equals(patterned(1000, 1))).toBe(true);
  });
});

// The window between the hash of a partial segment and its link has no inspection to act in.
const beforeHash = vi.hoisted(() => ({ act: undefined as (() => void) | undefined }));
vi.mock('../../src/transport/hash.ts', async (original) => {
  const { hashFile } = await original<typeof import('../../src/transport/hash.ts')>();
  return {
    hashFile: (...parts: Parameters<typeof hashFile>) => {
      beforeHash.act?.();
      return hashFile(...parts);
    },
  };
});

it('a directory that is exchanged while another partial segment is kept in it is refused', async () => {
  await using sandbox = makeSandbox('exchanged');
  const { directory, road } = await open(sandbox);
  const name = `${segment}.partial`;
  await road.put(name, sandbox.file('first', patterned(1000, 1)), acceptAll, neverStopped);
  beforeHash.act = () => {
    exchange(directory);
    mkdirSync(join(directory, '.twowarm/versions'), { recursive: true });
  };
  const source = sandbox.file('second', patterned(1000, 2));
  expect(await faultOf(() => road.put(name, source, acceptAll, neverStopped))).toEqual(exchanged(directory));
  beforeHash.act = undefined;
});
