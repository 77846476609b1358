// Small records on their way to a far side, which wait for each other: never for too long, and with the bytes that they were given.
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { chunkBytes } from '../../../src/copying/target.ts';
import { contentOf, farScene, prepared, send } from './scene.ts';
import { neverStopped } from '../near/scene.ts';
describe('records that wait for others', () => {
  it('never wait for what the far side says only once they have come', async () => {
    await using scene = await farScene('outbox');
    const place = scene.place();
    const target = await prepared(scene, place);
    // More than the far side is ahead.
    const bytes = Buffer.alloc(300 * chunkBytes, 'twowarm');
    await send(target, 'base/1', bytes);
    const now = Buffer.from(bytes);
    for (let at = 0; at < 300; at += 3) now[at * chunkBytes + 5]! ^= 1;
    for (const each of [bytes, now]) {
      expect(await send(target, 'base/1', each)).toBe('written');
      expect(contentOf(place, 'base/1').equals(each)).toBe(true);
    }
  }, 60_000);
  it('are what they were when they were taken', async () => {
    await using scene = await farScene('outbox');
    const place = scene.place();
    const target = await prepared(scene, place);
    // As the buffers of a source: used again once the target has taken what is in them.
    const bytes = randomBytes(10_000);
    const file = await target.file('base/1', 0o600, neverStopped);
    const buffer = Buffer.from(bytes);
    await file.take(buffer);
    buffer.fill(0xaa);
    expect(await file.end(bytes.length)).toBe('written');
    expect(contentOf(place, 'base/1').equals(bytes)).toBe(true);
  });
});
