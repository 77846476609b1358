// What admission saw of an archive's directory, and the promise that every answer is about that directory: one that was
// mounted over, unmounted or exchanged during a call answers nothing.
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { admitReader, admitWriter, requireStillThere } from '../../src/transport/archive-identity.ts';
import { dryRun } from '../../src/transport/dry-run.ts';
import { openDestination, openSource } from '../../src/transport/open.ts';
import { retryingReads, withRetry } from '../../src/transport/retry.ts';
import type { InspectOf, Transport } from '../../src/transport/transport.ts';
import { makeSandbox, type Sandbox } from '../harness/sandbox.ts';
import { faultOf, type Fault } from '../program/fault.ts';
import { adopted, segmentOf } from './adoption.ts';
import { acceptAll, cluster, makeNode, neverStopped, patterned } from './archives.ts';

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

describe('admission', () => {
  it('tells which directory it has seen, and knows it again', async () => {
    await using sandbox = makeSandbox('admission');
    const directory = sandbox.directory('archive');
    const node = makeNode(sandbox);
    const { dev: device, ino: inode } = statSync(directory);
    const admission = await admitWriter(directory, node);
    expect(admission).toEqual({ isVacant: false, device, inode });
    expect(await admitReader(directory, node)).toEqual(admission);
    await requireStillThere(directory, admission);
    exchange(directory);
    expect(await faultOf(() => requireStillThere(directory, admission))).toEqual(exchanged(directory));
  });

  it.each([
    ['nothing', undefined, true],
    ['what is not WAL', 'lost+found', true],
    ['a compressed segment of somebody else', `${segment}.zst`, true],
    ['a history file', '00000002.history', false],
    ['a damaged segment', segment, false],
  ])('calls a directory with %s in it vacant as it is', async (_, name, isVacant) => {
    await using sandbox = makeSandbox('admission');
    const directory = sandbox.directory('archive');
    if (name !== undefined) sandbox.file(`archive/${name}`, 'x');
    expect(await admitReader(directory, makeNode(sandbox))).toMatchObject({ isVacant });
  });

  it("does not call a directory vacant that holds this cluster's WAL or is an archive", async () => {
    await using sandbox = makeSandbox('admission');
    const plain = sandbox.directory('plain');
    sandbox.file(`plain/${segment}`, segmentOf(cluster));
    for (const directory of [plain, await adopted(sandbox, makeNode(sandbox))]) {
      expect(await admitReader(directory, makeNode(sandbox))).toMatchObject({ isVacant: false });
    }
  });

  it('is passed on by the road and by every wrapper around it', async () => {
    await using sandbox = makeSandbox('admission');
    const vacant = await openSource(`file:${sandbox.directory('mount point')}`, makeNode(sandbox));
    const { road } = await open(sandbox);
    const seen = [vacant, retryingReads(vacant), dryRun(vacant), withRetry(dryRun(vacant))];
    expect(seen.map(({ isVacant }) => isVacant)).toEqual([true, true, true, true]);
    expect([road, withRetry(road), dryRun(road)].map(({ isVacant }) => isVacant)).toEqual([
      false,
      false,
      false,
    ]);
  });
});
