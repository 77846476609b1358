// What admission finds out about an archive's directory before anything is done in it.
import { mkdirSync, renameSync, statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { admitReader, admitWriter, requireStillThere } from '../../src/transport/archive-identity.ts';
import { dryRun } from '../../src/transport/dry-run.ts';
import { openDestination, openSource } from '../../src/transport/open.ts';
import { retryingReads, withRetry } from '../../src/transport/retry.ts';
import { startProgram } from '../harness/run.ts';
import { makeSandbox } from '../harness/sandbox.ts';
import { startScript } from '../harness/source-script.ts';
import { faultOf } from '../program/fault.ts';
import { adopted, segmentOf } from './adoption.ts';
import { cluster, makeNode, treeOf } from './archives.ts';
import type { OpenClosedFacts } from './children/open-closed.ts';

const segment = '000000010000000000000005';

describe('admission', () => {
  it('tells which directory it has seen, and knows it again', async () => {
    await using sandbox = makeSandbox('admission');
    const directory = sandbox.directory('archive');
    const node = makeNode(sandbox);
    const { dev: device, ino: inode } = statSync(directory);
    const admission = await admitWriter(directory, node);
    const ownership = { standing: 'unclaimed', claim: undefined, heldEpoch: undefined };
    const archiveName = expect.stringMatching(/^[0-9a-f]{16}$/) as string;
    expect(admission).toEqual({ isVacant: false, device, inode, ownership, archiveName });
    expect(await admitReader(directory, node)).toEqual(admission);
    await requireStillThere(directory, admission);
    renameSync(directory, `${directory}.disk`);
    mkdirSync(directory);
    expect(await faultOf(() => requireStillThere(directory, admission))).toEqual({
      kind: 'directory-missing',
      message: `the archive directory ${directory} was exchanged meanwhile`,
      hint: 'It was mounted, unmounted or renamed during the call. The next call looks at it anew.',
    });
  });

  it.each([
    ['nothing', undefined, true],
    ['what is not WAL', 'lost+found', true],
    ['a damaged compressed segment', `${segment}.zst`, false],
    ['a compressed file that is not WAL', 'base.tar.zst', true],
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
    const road = await openDestination(`file:${sandbox.directory('archive')}`, makeNode(sandbox));
    const seen = [vacant, retryingReads(vacant), dryRun(vacant), withRetry(dryRun(vacant))];
    expect(seen.map(({ isVacant }) => isVacant)).toEqual([true, true, true, true]);
    expect([road, withRetry(road), dryRun(road)].map(({ isVacant }) => isVacant)).toEqual([
      false,
      false,
      false,
    ]);
  });

  it.each([
    ['the directory', 0o300, '', 'could not look into the archive directory DIRECTORY: Permission denied'],
    ['a segment', 0, `/${segment}`, `could not read DIRECTORY/${segment}: Permission denied`],
  ])('is no bug where nobody may read %s: whose it is cannot be known', async (_, mode, closed, message) => {
    await using sandbox = makeSandbox('admission');
    const directory = sandbox.directory('archive');
    sandbox.file(`archive/${segment}`, segmentOf(cluster));
    const facts: OpenClosedFacts = {
      url: `file:${directory}`,
      node: makeNode(sandbox),
      closed: `${directory}${closed}`,
      mode,
    };
    const opened = startScript('test/transport/children/open-closed.ts', facts);
    const { code, stdout, stderr } = await opened.result;
    const line = `permission-denied: ${message.replace('DIRECTORY', directory)}\n`;
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: line.repeat(2), stderr: '' });
    expect(treeOf(directory)).toEqual([segment]);
  });

  it('passes over a segment that is removed while it looks', async () => {
    await using sandbox = makeSandbox('admission');
    const directory = sandbox.directory('archive');
    for (let n = 0; n < 50; n++) sandbox.file(`archive/${nameOf(n)}`, Buffer.alloc(8192));
    const remover = startProgram('/bin/sh', ['-c', `for n in "$1"/*; do rm "$n"; done`, 'sh', directory]);
    let done = false;
    void remover.result.finally(() => (done = true));
    do {
      await admitReader(directory, makeNode(sandbox));
    } while (!done);
    expect(await admitReader(directory, makeNode(sandbox))).toMatchObject({ isVacant: true });
  });
});

const nameOf = (n: number): string => `0000000100000000${n.toString(16).toUpperCase().padStart(8, '0')}`;
