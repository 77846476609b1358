// What lies past a fork leaves the archive, by a claim that names the fork or by the owner's history file; and nothing is
// lost by a pass that is killed.
import { linkSync, readdirSync, readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { openDestination, openSource } from '../../src/transport/open.ts';
import type { Identity } from '../../src/transport/transport.ts';
import { makeSandbox, type Sandbox } from '../harness/sandbox.ts';
import { startScript } from '../harness/source-script.ts';
import { historyText, ourCluster, segmentBytes, segmentNamed } from '../harness/wal-files.ts';
import { acceptAll, makeNode, neverStopped, photograph, treeOf } from './archives.ts';
import { roadTo } from './receiver/spawned.ts';
import type { OwnFacts } from './children/own.ts';

const us = ourCluster.toString();
const all = [3, 4, 5, 6, 7, 8].map((number) => segmentNamed(number));
/** Left in the middle of segment 5. */
const forkLsn = 0x58_0000n;
const history = [{ timeline: 1, switchLsn: forkLsn, reason: '' }];
const past = all.slice(3);

interface Scene {
  node: Identity;
  directory: string;
  url: string;
}

/** An archive with segments 3 to 8 of timeline 1 and other files that have to stay. */
async function makeScene(sandbox: Sandbox): Promise<Scene> {
  const node = makeNode(sandbox, us);
  const directory = sandbox.directory('archive');
  for (const name of all) sandbox.file(`archive/${name}`, segmentBytes(name));
  for (const name of [segmentNamed(6, 2), segmentNamed(9, 3)])
    sandbox.file(`archive/${name}`, segmentBytes(name));
  sandbox.file(`archive/${segmentNamed(7)}.partial`, segmentBytes(segmentNamed(7)));
  await openDestination(`file:${directory}`, node);
  return { node, directory, url: `file:${directory}` };
}

const claim = async ({ node, url }: Scene, ancestors: typeof history | null = history) =>
  (await openDestination(url, node)).claim(
    { timeline: 2, nodeName: 'db2', takeOver: false, ...(ancestors && { history: ancestors }) },
    neverStopped,
  );

const putHistory = async (sandbox: Sandbox, { url }: Scene, by: Identity, name = '00000002.history') =>
  (await openDestination(url, by)).put(
    name,
    sandbox.file('source', historyText('0/580000')),
    acceptAll,
    neverStopped,
  );

const room = ({ directory }: Scene, name = '00000002-1'): string =>
  join(directory, '.twowarm/quarantine', name);

const walIn = ({ directory }: Scene): string[] =>
  readdirSync(directory)
    .filter((name) => all.includes(name))
    .sort();

/** Replaces a plain segment by its compressed form. */
function pack(sandbox: Sandbox, { directory }: Scene, name: string): void {
  unlinkSync(join(directory, name));
  renameSync(sandbox.file('packed', zstdCompressSync(segmentBytes(name))), join(directory, `${name}.zst`));
}

describe('the quarantine', () => {
  it('takes whole segments past the fork, with a word about why and when, and nothing else', async () => {
    await using sandbox = makeSandbox('quarantine');
    const scene = await makeScene(sandbox);
    const before = readdirSync(scene.directory).sort();
    const outcome = await claim(scene);
    expect(outcome.quarantined).toEqual(past);
    expect(readdirSync(scene.directory).sort()).toEqual(before.filter((name) => !past.includes(name)));
    expect(readdirSync(room(scene)).sort()).toEqual([...past, 'why.json']);
    for (const name of past)
      expect(readFileSync(join(room(scene), name)).equals(segmentBytes(name))).toBe(true);
    expect(JSON.parse(readFileSync(join(room(scene), 'why.json'), 'utf8'))).toEqual({
      reason: 'past-fork',
      timeline: 2,
      ancestors: [{ timeline: 1, to: '0/580000' }],
      node: scene.node.nodeId,
      node_name: 'db2',
      epoch: 1,
      at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string,
    });
    const source = await openSource(scene.url, makeNode(sandbox, us));
    expect(await source.stat(past[0]!, neverStopped)).toBe('missing');
    expect(await source.list(neverStopped)).not.toContain(past[0]);
  });

  it('takes compressed segments, also where all are, and both forms of a name', async () => {
    await using sandbox = makeSandbox('quarantine');
    const scene = await makeScene(sandbox);
    for (const name of readdirSync(scene.directory).filter((each) => /^[0-9A-F]{24}$/.test(each)))
      pack(sandbox, scene, name);
    // Who comes over a network is told names that it can read.
    expect((await claim(scene)).quarantined).toEqual(past);
    expect(readdirSync(room(scene)).sort()).toEqual([...past.map((name) => `${name}.zst`), 'why.json']);
    for (const suffix of ['', '.zst'])
      sandbox.file(`archive/${past[0]}${suffix}`, suffix === '' ? segmentBytes(past[0]!) : 'not decoded');
    const road = await roadTo(scene.directory, { ...scene.node, heldEpoch: 1 });
    const request = { timeline: 2, nodeName: 'db2', takeOver: false, history };
    expect((await road.claim(request, neverStopped)).quarantined).toEqual(past);
    await road.close();
    expect(readdirSync(room(scene)).sort()).toEqual(
      [past[0], ...past.map((name) => `${name}.zst`), `${past[0]}.zst.2`, 'why.json'].sort(),
    );
  });

  it('takes the segment that begins at the fork', async () => {
    await using sandbox = makeSandbox('quarantine');
    const scene = await makeScene(sandbox);
    const { quarantined } = await claim(scene, [{ timeline: 1, switchLsn: 0x60_0000n, reason: '' }]);
    expect(quarantined).toEqual(past);
  });

  it('takes nothing where nobody has said where the fork is', async () => {
    await using sandbox = makeSandbox('quarantine');
    const scene = await makeScene(sandbox);
    expect((await claim(scene, null)).quarantined).toEqual([]);
    expect(walIn(scene)).toEqual(all);
  });

  it('learns the fork from the history file that the owner stores', async () => {
    await using sandbox = makeSandbox('quarantine');
    const scene = await makeScene(sandbox);
    await claim(scene, null);
    expect(await putHistory(sandbox, scene, scene.node)).toBe('stored');
    expect(walIn(scene)).toEqual(all.slice(0, 3));
    // What came in between is taken by the next call with the same file.
    sandbox.file(`archive/${past[0]}`, segmentBytes(past[0]!, { content: 0x22 }));
    expect(await putHistory(sandbox, scene, scene.node)).toBe('already-stored');
    expect(walIn(scene)).toEqual(all.slice(0, 3));
    expect(readdirSync(room(scene)).sort()).toEqual([past[0], `${past[0]}.2`, ...past.slice(1), 'why.json']);
    expect(readFileSync(join(room(scene), past[0]!)).equals(segmentBytes(past[0]!))).toBe(true);
  });

  it.each([
    ['in an archive that nobody has claimed', '00000002.history', false],
    ['of a timeline that it is not claimed for', '00000003.history', true],
  ])('learns nothing from a history file %s', async (_, name, claimed) => {
    await using sandbox = makeSandbox('quarantine');
    const scene = await makeScene(sandbox);
    if (claimed) await claim(scene, null);
    await putHistory(sandbox, scene, scene.node, name);
    expect(walIn(scene)).toEqual(all);
  });

  it('goes on where another pass has linked a file and not yet unlinked it', async () => {
    await using sandbox = makeSandbox('quarantine');
    const scene = await makeScene(sandbox);
    sandbox.directory('archive/.twowarm/quarantine/00000002-1');
    linkSync(join(scene.directory, past[0]!), join(room(scene), past[0]!));
    expect((await claim(scene)).quarantined).toEqual(past);
    expect(walIn(scene)).toEqual(all.slice(0, 3));
  });

  it('changes nothing once it is done', async () => {
    await using sandbox = makeSandbox('quarantine');
    const scene = await makeScene(sandbox);
    await claim(scene);
    const before = photograph(scene.directory);
    expect((await claim(scene)).quarantined).toEqual(past);
    expect(photograph(scene.directory)).toEqual(before);
  });

  it('leaves an archive alone in which no segment says how large segments are', async () => {
    await using sandbox = makeSandbox('quarantine');
    const scene = await makeScene(sandbox);
    for (const name of all) writeFileSync(join(scene.directory, name), Buffer.alloc(100));
    expect((await claim(scene)).quarantined).toEqual([]);
    expect(walIn(scene)).toEqual(all);
  });

  it(
    'loses nothing when it is killed anywhere, and is finished by the next claim',
    { timeout: 60_000 },
    async () => {
      const wire = history.map(({ timeline }) => ({ timeline, switchLsn: forkLsn.toString() }));
      let killed = 0;
      for (let killAt = 2; ; killAt++) {
        await using inner = makeSandbox(`killed-${killAt}`);
        const scene = await makeScene(inner);
        const facts: OwnFacts = { ...scene, verb: 'claim', timeline: 2, history: wire, killAt };
        const { signal } = await startScript('test/transport/children/own.ts', facts).result;
        const kept = treeOf(scene.directory).map((path) => path.split('/').at(-1)!);
        for (const name of all) expect([killAt, kept.includes(name)]).toEqual([killAt, true]);
        expect((await claim(scene)).quarantined).toEqual(past);
        expect(walIn(scene)).toEqual(all.slice(0, 3));
        for (const name of past)
          expect(readFileSync(join(room(scene), name)).equals(segmentBytes(name))).toBe(true);
        expect(treeOf(scene.directory).filter((path) => path.includes('.tmp.'))).toEqual([]);
        if (signal !== 'SIGKILL') break;
        killed += 1;
      }
      // Before the claim itself, before each of the three links, and before each of the three unlinks.
      expect(killed).toBe(1 + 2 * past.length);
    },
  );
});
