// When a segment is ready: its size by its own header, its content, its cluster. What is not ready is never delivered, and
// never answered as absent.
import { appendFileSync, closeSync, ftruncateSync, openSync, truncateSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { silent } from '../../harness/node-fixture.ts';
import { inTurn, turnOf } from '../../harness/share.ts';
import { anotherCluster, megabyte, segmentBytes, segmentNamed } from '../../harness/wal-files.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { makePlace, name, target, type Place } from './fixture.ts';

let place: Place;
let path: string;
beforeEach(() => {
  place = makePlace('standby-content');
  path = place.path(`archive/${name}`);
});
afterEach(() => place[Symbol.asyncDispose]());

const warning = (message: string): string => `pg_standby: WARNING:  ${message}`;
const refusal = (): string => warning(`will not restore "${path}": it is not what its name says`);

describe('a segment that is smaller than its header says', () => {
  const its = inTurn(2);
  its.each([
    ['empty', 0],
    ['a few bytes', 17],
    ['its header', 40],
    ['a half', megabyte / 2],
    ['all but a byte', megabyte - 1],
  ])('(%s) is waited for without a word', async (_, bytes) => {
    place.sandbox.file(`archive/${name}`, segmentBytes(name).subarray(0, bytes));
    const call = await place.waiting('-s1');
    await waitFor('two intervals', () => call.intervals() >= 2);
    appendFileSync(path, segmentBytes(name).subarray(bytes));
    expect(await call.ended()).toEqual({ code: 0, signal: null, said: [] });
  });

  it('is the end of the WAL for a smart trigger', async () => {
    place.sandbox.file(`archive/${name}`, segmentBytes(name).subarray(0, 500_000));
    place.sandbox.file('trigger', '');
    expect(await place.ask('-t', '../trigger')).toMatchObject({ code: 1, changed: [] });
  });

  it('may have any segment size', async () => {
    const large = { segmentSize: 4 * megabyte };
    const other = segmentNamed(2);
    place.segment(other, { ...large, pageAddress: BigInt(2 * large.segmentSize) });
    expect(await place.call(place.archive, other, target)).toEqual(silent([`created work/${target}`]));
  });
});

describe('a segment that is larger than its header says', () => {
  it('is answered 3', async () => {
    place.segment(name);
    appendFileSync(path, 'x');
    const stderr = `pg_standby: ERROR:  "${path}" has ${megabyte + 1} bytes, more than a segment of ${megabyte}\n`;
    expect(await place.ask()).toEqual({ code: 3, stdout: '', stderr, changed: [] });
  });

  it('is answered 3 when it grows beyond while it is waited for', async () => {
    const call = await place.waiting('-s1');
    place.sandbox.file('grown', Buffer.concat([segmentBytes(name), Buffer.from('x')]));
    place.publish('grown', name);
    expect(await call.ended()).toMatchObject({ code: 3 });
  });
});

/** What somebody may leave under the name, and the DETAIL of the warning; in a data directory unless told. */
const damages: [string, () => Buffer, string, 'anywhere' | 'in a data directory'][] = [
  ['zeros', () => Buffer.alloc(megabyte), 'Its first page is all zeros.', 'anywhere'],
  [
    'no WAL',
    () => Buffer.alloc(megabyte, 'x'),
    'Its first page has no WAL page header (magic number 0x7878).',
    'anywhere',
  ],
  [
    'another segment',
    () => segmentBytes(segmentNamed(5)),
    'It holds WAL from 0/500000; its name says 0/2100000.',
    'anywhere',
  ],
  [
    'a newer timeline',
    () => segmentBytes(name, { timeline: 7 }),
    'Its first page is of timeline 7; its name says 1.',
    'anywhere',
  ],
  ['a damaged page', damagedPage, 'Its page at offset 524288 is damaged.', 'anywhere'],
  [
    'another cluster',
    () => segmentBytes(name, { systemIdentifier: anotherCluster }),
    `It belongs to system identifier ${anotherCluster}; this cluster is 7311222333444555666.`,
    'in a data directory',
  ],
  [
    'a header that claims another size',
    () => segmentBytes(name).fill(0x40, 34, 35),
    'It holds WAL from 0/2100000; its name says 0/8400000.',
    'anywhere',
  ],
];

function damagedPage(): Buffer {
  const bytes = segmentBytes(name);
  bytes.fill(0xee, 524_288, 524_300);
  return bytes;
}

describe.each(turnOf(damages, 3))('a segment of full size that is %s', (_, content, detail, where) => {
  it('is waited through with one warning, until the right one is there', async () => {
    if (where === 'in a data directory') place.dataDirectory('standby');
    place.sandbox.file(`archive/${name}`, content());
    const call = await place.waiting('-s1');
    await waitFor('three intervals', () => call.intervals() >= 3);
    place.sandbox.file('right', segmentBytes(name));
    place.publish('right', name);
    const { said, ...ended } = await call.ended();
    expect(ended).toEqual({ code: 0, signal: null });
    expect(said).toHaveLength(2);
    const foreign = warning(`will not restore "${path}": it belongs to another cluster`);
    expect(said[0]).toBe(where === 'anywhere' ? refusal() : foreign);
    expect(said[1]).toContain(`DETAIL:  ${detail}`);
  });
});

describe('a damaged segment', () => {
  it('is not the end of the WAL for a smart trigger, but fast ends the waiting', async () => {
    place.sandbox.file(`archive/${name}`, damagedPage());
    place.sandbox.file('trigger', 'smart');
    const call = await place.waiting('-s1', '-t', '../trigger');
    await waitFor('two intervals', () => call.intervals() >= 2);
    writeFileSync(place.path('trigger'), 'fast');
    const { code, said } = await call.ended();
    expect(code).toBe(1);
    expect(said).toEqual([
      expect.stringContaining('smart failover'),
      refusal(),
      'DETAIL:  Its page at offset 524288 is damaged.',
      'HINT:  Smart failover waits for it. To open the database without it, write "fast" to the trigger file.',
      expect.stringContaining('fast failover'),
    ]);
  });

  it('that somebody is writing in place is not complained of', async () => {
    // Preallocated: full size from the first byte on.
    place.sandbox.file(`archive/${name}`, '');
    truncateSync(path, megabyte);
    const call = place.start('-s2', '-v1');
    const bytes = segmentBytes(name);
    const file = openSync(path, 'r+');
    for (let at = 0; at < megabyte; at += 131_072) {
      writeFileSync(path, bytes.subarray(0, at), { flag: 'r+' });
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    ftruncateSync(file, megabyte);
    closeSync(file);
    writeFileSync(path, bytes, { flag: 'r+' });
    expect(await call.result).toMatchObject({ code: 0, stderr: '' });
  });

  it('of another cluster is delivered where no data directory says whose it must be', async () => {
    place.segment(name, { systemIdentifier: anotherCluster });
    expect(await place.ask()).toEqual(silent([`created work/${target}`]));
  });

  it('of another cluster is refused also where only the target is in a data directory', async () => {
    place.dataDirectory('none');
    place.segment(name, { systemIdentifier: anotherCluster });
    const outcome = await place.sh(
      'env',
      '-C',
      '/',
      ...place.line(place.archive, name, place.path(`work/${target}`)),
    );
    expect(outcome).toMatchObject({ code: 1, changed: [] });
    expect(outcome.stderr).toContain(`"${path}": it belongs to another cluster`);
  });
});

describe('a compressed segment', () => {
  it('is not absent: it is warned of', async () => {
    place.sandbox.file(`archive/${name}.zst`, 'x');
    const call = await place.waiting('-s1');
    await waitFor('two intervals', () => call.intervals() >= 2);
    place.sandbox.file('right', segmentBytes(name));
    place.publish('right', name);
    expect(await call.ended()).toEqual({
      code: 0,
      signal: null,
      said: [
        warning(`cannot read "${path}.zst": pg_standby reads only plain files`),
        `HINT:  Decompress it beside: zstd -d "${name}.zst".`,
      ],
    });
  });
});

describe('a segment of a newer PostgreSQL', () => {
  it('is delivered with a warning where nothing says that it cannot be', async () => {
    place.segment(name, { magic: 0xd200 });
    const outcome = await place.ask();
    expect(outcome).toMatchObject({ code: 0, changed: [`created work/${target}`] });
    expect(outcome.stderr).toBe(
      `${warning(`${name} was written by a version of PostgreSQL that this twowarm does not know (page magic 0xD200)`)}\n` +
        'HINT:  Is there a newer twowarm?\n',
    );
  });
});
