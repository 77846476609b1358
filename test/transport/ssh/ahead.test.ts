// A file that is read while the connection is only being opened: it is the very file that is put, no other put is changed by
// it, and nothing stays open, whatever becomes of the connection.
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ProgramError } from '../../../src/program/program-error.ts';
import { openDestination } from '../../../src/transport/open.ts';
import { closeConnections } from '../../../src/transport/ssh/leases.ts';
import type { InspectOf, Transport } from '../../../src/transport/transport.ts';
import { freePort } from '../../harness/free-port.ts';
import { makeSandbox, type Sandbox } from '../../harness/sandbox.ts';
import { megabyte, segmentNamed } from '../../harness/wal-files.ts';
import { faultOf } from '../../program/fault.ts';
import { acceptAll, neverStopped, openFilesIn, patterned } from '../archives.ts';
import { sshScene, type SshScene } from './scene.ts';

let sandbox: Sandbox;
let scene: SshScene;
let numbers = 0x100;

beforeAll(async () => {
  sandbox = makeSandbox('ahead');
  scene = await sshScene(sandbox);
});

afterAll(async () => {
  await scene[Symbol.asyncDispose]();
  await sandbox.dispose();
});

interface Source {
  name: string;
  source: string;
  bytes: Buffer;
}

function makeSource(sizeBytes = megabyte): Source {
  const name = segmentNamed(numbers++);
  const bytes = patterned(sizeBytes, numbers);
  return { name, source: sandbox.file(`source/${name}`, bytes), bytes };
}

const openWith = (
  { name, source }: Source,
  inspectOf: InspectOf = acceptAll,
  url = scene.url,
): Promise<Transport> => openDestination(url, scene.node(), {}, neverStopped, { name, source, inspectOf });

const stored = (name: string): Buffer => readFileSync(join(scene.directory, name));

/** Closes the road, and its connection, too. */
async function close(road: Transport): Promise<void> {
  await road.close();
  closeConnections();
  expect(openFilesIn(join(sandbox.path, 'source'))).toEqual([]);
}

describe('a file that is named when a road over ssh is opened', () => {
  it('is inspected once and stored with its bytes', async () => {
    const file = makeSource();
    let inspectedBytes = 0;
    const inspectOf: InspectOf = () => ({
      add: (chunk) => void (inspectedBytes += chunk.length),
      end: () => undefined,
    });
    const road = await openWith(file, inspectOf);
    expect(await road.put(file.name, file.source, inspectOf, neverStopped)).toBe('stored');
    expect(stored(file.name).equals(file.bytes)).toBe(true);
    expect(inspectedBytes).toBe(megabyte);
    await close(road);
  });

  it('changes nothing for another file that is put first', async () => {
    const [file, other] = [makeSource(), makeSource()];
    const road = await openWith(file);
    expect(await road.put(other.name, other.source, acceptAll, neverStopped)).toBe('stored');
    expect(await road.put(file.name, file.source, acceptAll, neverStopped)).toBe('stored');
    expect(stored(other.name).equals(other.bytes)).toBe(true);
    expect(stored(file.name).equals(file.bytes)).toBe(true);
    await close(road);
  });

  it('is compared as any other when it is put again', async () => {
    const file = makeSource();
    const road = await openWith(file);
    const put = () => road.put(file.name, file.source, acceptAll, neverStopped);
    expect([await put(), await put()]).toEqual(['stored', 'already-stored']);
    await close(road);
  });

  it('is closed with the road when it is never put', async () => {
    const file = makeSource(64 * megabyte);
    await close(await openWith(file));
    expect(existsSync(join(scene.directory, file.name))).toBe(false);
  });

  it('is refused by its inspection when it is put, not when the road is opened', async () => {
    const file = makeSource();
    const inspectOf: InspectOf = () => ({
      add: () => {
        throw new ProgramError('invalid-file', `cannot archive ${file.name}: it is not what its name says`);
      },
      end: () => undefined,
    });
    const road = await openWith(file, inspectOf);
    expect(await faultOf(() => road.put(file.name, file.source, inspectOf, neverStopped))).toEqual({
      kind: 'invalid-file',
      message: `cannot archive ${file.name}: it is not what its name says`,
    });
    expect(existsSync(join(scene.directory, file.name))).toBe(false);
    await close(road);
  });

  it('is missed when it is put, not when the road is opened', async () => {
    const file = makeSource();
    rmSync(file.source);
    const road = await openWith(file);
    expect(await faultOf(() => road.put(file.name, file.source, acceptAll, neverStopped))).toEqual({
      kind: 'source-missing',
      message: `could not open "${file.source}": No such file or directory`,
    });
    await close(road);
  });

  it('does not stay open when there is no connection', async () => {
    const file = makeSource(64 * megabyte);
    const port = await freePort();
    const url = `ssh://${scene.sshd.user}@127.0.0.1:${port}${scene.directory}`;
    const fault = await faultOf(() => openWith(file, acceptAll, url));
    expect(fault).toMatchObject({
      kind: 'unreachable',
      message: `could not open ${url}: Connection refused`,
    });
    expect(openFilesIn(join(sandbox.path, 'source'))).toEqual([]);
  });
});

describe('a file that stays large when it is compressed', () => {
  it('is read a second time instead of waiting in memory, and stored with its bytes', async () => {
    const name = segmentNamed(numbers++);
    const { randomBytes } = await import('node:crypto');
    const bytes = randomBytes(20 * megabyte);
    const source = sandbox.file(`source/${name}`, bytes);
    const road = await openWith({ name, source, bytes });
    expect(await road.put(name, source, acceptAll, neverStopped)).toBe('stored');
    expect(stored(name).equals(bytes)).toBe(true);
    await close(road);
  });
});
