// The marker of a node that was triggered: written durably, mended by writing it again, never guessed.
import { chmodSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { beginOwnArchive, readOwnArchive } from '../../src/program/own-archive.ts';
import { makeSandbox } from '../harness/sandbox.ts';
import { faultOf } from './fault.ts';

const nodeId = '0123456789abcdef';
const first = { since: '2026-11-21T04:00:00.000Z', timeline: 2 };

describe('the marker state/own-archive', () => {
  it('is absent on a node that was never triggered, also on one that has no state yet', async () => {
    await using sandbox = makeSandbox('own-archive');
    expect(readOwnArchive(sandbox.path)).toBeUndefined();
  });

  it('is one line of JSON, for nobody else to read, and says what was begun', async () => {
    await using sandbox = makeSandbox('own-archive');
    beginOwnArchive(sandbox.path, nodeId, first);
    const path = join(sandbox.path, 'state', 'own-archive');
    expect(readFileSync(path, 'utf8')).toBe('{"since":"2026-11-21T04:00:00.000Z","timeline":2}\n');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readOwnArchive(sandbox.path)).toEqual(first);
  });

  it('keeps its time when the same promotion is marked again, and takes that of the next one', async () => {
    await using sandbox = makeSandbox('own-archive');
    beginOwnArchive(sandbox.path, nodeId, first);
    beginOwnArchive(sandbox.path, nodeId, { since: '2026-11-21T05:00:00.000Z', timeline: 2 });
    expect(readOwnArchive(sandbox.path)).toEqual(first);
    const next = { since: '2026-11-21T06:00:00.000Z', timeline: 3 };
    beginOwnArchive(sandbox.path, nodeId, next);
    expect(readOwnArchive(sandbox.path)).toEqual(next);
  });

  it.each([
    '',
    '\0\0\0\0',
    '{"since":"2026-11-21T04:00:00.000Z","timel',
    'null',
    '"yes"',
    '{"since":"2026-11-21T04:00:00.000Z"}',
    '{"since":"yesterday","timeline":2}',
    '{"since":"2026-11-21T04:00:00.000Z","timeline":0}',
    '{"since":"2026-11-21T04:00:00.000Z","timeline":"2"}',
  ])('is not guessed from %j, and mended by marking again', async (text) => {
    await using sandbox = makeSandbox('own-archive');
    const path = sandbox.file('state/own-archive', text);
    expect(await faultOf(() => readOwnArchive(sandbox.path))).toMatchObject({
      kind: 'unsafe-state',
      message: `the marker ${path} is damaged`,
    });
    beginOwnArchive(sandbox.path, nodeId, first);
    expect(readOwnArchive(sandbox.path)).toEqual(first);
  });

  it('that cannot be read is a fault', async () => {
    await using sandbox = makeSandbox('own-archive');
    const path = join(sandbox.path, 'state', 'own-archive');
    mkdirSync(path, { recursive: true });
    chmodSync(path, 0o700);
    expect(await faultOf(() => readOwnArchive(sandbox.path))).toMatchObject({
      kind: 'unsafe-state',
      message: `could not read the marker ${path}: Is a directory`,
    });
  });
});
