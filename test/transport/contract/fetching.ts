// Rule 3: what is there is fetched whole, what is absent is 'missing', and what cannot be known is thrown.
import {
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ProgramError } from '../../../src/program/program-error.ts';
import type { InTurn } from '../../harness/share.ts';
import { faultOf } from '../../program/fault.ts';
import { acceptAll, neverStopped, patterned } from '../archives.ts';
import { megabyte, putBytes, read, segment, type Archive, type Opened } from './archive.ts';

/** What can happen to the directory of an archive so that nobody can say what is in it; true also for root. */
const troubles: Record<string, (directory: string) => void> = {
  'is gone': (directory) => rmSync(directory, { recursive: true }),
  'is a file': (directory) => {
    rmSync(directory, { recursive: true });
    writeFileSync(directory, '');
  },
  'is a link that leads nowhere': (directory) => {
    renameSync(directory, `${directory}.away`);
    symlinkSync(`${directory}.elsewhere`, directory);
  },
  'is a link to itself': (directory) => {
    rmSync(directory, { recursive: true });
    symlinkSync(directory, directory);
  },
};

export function describeFetching(opened: Opened, its: InTurn): void {
  it('says that an absent file is missing, and leaves nothing where it was wanted', async () => {
    await using archive = await opened();
    await putBytes(archive, '000000010000000000000004', patterned(10, 1));
    const target = join(archive.sandbox.path, 'fetched');
    expect(await archive.road.stat(segment, neverStopped)).toBe('missing');
    expect(await archive.road.get(segment, target, acceptAll, neverStopped)).toBe('missing');
    expect(existsSync(target)).toBe(false);
  });

  it('never writes over a file that is there', async () => {
    await using archive = await opened();
    await putBytes(archive, segment, patterned(megabyte, 1));
    const target = archive.sandbox.file('fetched', 'precious');
    const fault = await faultOf(() => archive.road.get(segment, target, acceptAll, neverStopped));
    expect(fault.message).toBe(`could not create a file in ${archive.sandbox.path}: EEXIST`);
    expect(readFileSync(target, 'utf8')).toBe('precious');
  });

  its('does not call a file missing when there is no directory to fetch it to', async () => {
    await using archive = await opened();
    await putBytes(archive, segment, patterned(megabyte, 1));
    const target = join(archive.sandbox.path, 'no', 'fetched');
    const fault = await faultOf(() => archive.road.get(segment, target, acceptAll, neverStopped));
    expect(fault.message).toBe(
      `could not create a file in ${archive.sandbox.path}/no: No such file or directory`,
    );
    expect(read(archive).length).toBe(megabyte);
  });

  its('does not call a file missing that is there in a form it cannot read', async () => {
    await using archive = await opened();
    archive.sandbox.file('compressed', '');
    renameSync(join(archive.sandbox.path, 'compressed'), join(archive.directory, `${segment}.zst`));
    await expectNoAnswer(archive);
  });

  its.each(Object.keys(troubles))('does not call a file missing when the directory %s', async (trouble) => {
    await using archive = await opened();
    await putBytes(archive, segment, patterned(10, 1));
    troubles[trouble]!(archive.directory);
    await expectNoAnswer(archive);
    await expectNoAnswer(archive, '000000010000000000000006');
    const source = archive.sandbox.file('source', patterned(10, 2));
    await expectThrown(archive.road.put(segment, source, acceptAll, neverStopped));
    await expectThrown(archive.road.list(neverStopped));
    const there = existsSync(archive.directory) ? readFileSync(archive.directory, 'utf8') : '';
    expect(there, 'nothing was made in its place').toBe('');
  });

  its('does not call a file missing that is a link to itself or a directory', async () => {
    await using archive = await opened();
    const other = '000000010000000000000006';
    symlinkSync(segment, join(archive.directory, segment));
    archive.sandbox.directory('a directory');
    renameSync(join(archive.sandbox.path, 'a directory'), join(archive.directory, other));
    await expectThrown(archive.road.get(segment, target(archive), acceptAll, neverStopped));
    await expectThrown(archive.road.get(other, target(archive), acceptAll, neverStopped));
  });

  its('works again once the directory is back', async () => {
    await using archive = await opened();
    await putBytes(archive, segment, patterned(10, 1));
    renameSync(archive.directory, `${archive.directory}.away`);
    await expectNoAnswer(archive);
    renameSync(`${archive.directory}.away`, archive.directory);
    expect(await archive.road.stat(segment, neverStopped)).toEqual({ sizeBytes: 10 });
  });
}

const target = ({ sandbox }: Archive): string => join(sandbox.directory('room'), 'fetched');

/** stat and get throw, and nothing is delivered. */
async function expectNoAnswer(archive: Archive, name = segment): Promise<void> {
  await expectThrown(archive.road.stat(name, neverStopped));
  await expectThrown(archive.road.get(name, target(archive), acceptAll, neverStopped));
  expect(readdirSync(archive.sandbox.directory('room'))).toEqual([]);
}

async function expectThrown(answer: Promise<unknown>): Promise<void> {
  await expect(answer).rejects.toBeInstanceOf(ProgramError);
}
