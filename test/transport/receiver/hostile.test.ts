// A receiver under a hostile client: whatever comes, no file outside of its directory, none under a name that it did not
// earn, no crash, and a good client is served meanwhile.
import { createHash, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { constants, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  dataFrames,
  endFrame,
  FrameReader,
  messageFrame,
  preface,
} from '../../../src/transport/wire/frames.ts';
import { makeSandbox, type Sandbox } from '../../harness/sandbox.ts';
import { acceptAll, cluster, makeNode, neverStopped, otherCluster, patterned, treeOf } from '../archives.ts';
import { roadTo, startReceiver, type Receiver } from './spawned.ts';

const name = '000000010000000000000005';
const megabyte = 1024 * 1024;

const helloTo = (directory: string, changes: object = {}): object => ({
  verb: 'hello',
  versions: [1, 1],
  client: 'hostile',
  system_identifier: cluster,
  segment_size: megabyte,
  control_version: 1300,
  node: 'ffffffffffffffff',
  node_name: 'hostile',
  timeline: 1,
  directory,
  url: 'ssh://x/y',
  note: '/nowhere',
  purpose: 'write',
  ...changes,
});

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
const putOf = (bytes: Buffer, changes: object = {}): object => ({
  verb: 'put',
  name,
  size: bytes.length,
  sha256: sha256(bytes),
  encoding: 'none',
  store: 'none',
  ...changes,
});

interface Attack {
  receiver: Receiver;
  send(...buffers: Buffer[]): void;
  /** The replies so far, in order, each with its conversation. */
  replies: { id: number; reply: string; kind?: string; message?: string; may_read?: boolean }[];
  /** Once its process has. */
  ended: Promise<unknown>;
  /** Ends the input, and waits for the end of the process: its exit code, and what it said. */
  end(): Promise<{ code: number | null; said: string }>;
  waitFor(id: number, reply?: string): Promise<void>;
}

/** A client that says what it wants. */
function attack(directory: string, ...options: string[]): Attack {
  const receiver = startReceiver(directory, ...options);
  const replies: Attack['replies'] = [];
  const reader = new FrameReader();
  let begun = Buffer.alloc(0);
  let isBegun = false;
  let said = '';
  let wake = (): void => undefined;
  receiver.stderr.on('data', (bytes: Buffer) => (said += bytes.toString()));
  receiver.stdin.on('error', () => undefined);
  receiver.stdout.on('data', (bytes: Buffer) => {
    let rest = bytes;
    if (!isBegun) {
      begun = Buffer.concat([begun, bytes]);
      if (begun.length < preface.length) return;
      expect(begun.subarray(0, preface.length)).toEqual(preface);
      rest = begun.subarray(preface.length);
      isBegun = true;
    }
    for (const frame of reader.read(rest)) {
      if (frame.kind === 'message')
        replies.push({ id: frame.id, ...(JSON.parse(frame.text) as { reply: string }) });
    }
    wake();
  });
  const closed = new Promise<number | null>((resolve) => receiver.on('close', (code) => resolve(code)));
  return {
    receiver,
    replies,
    ended: closed,
    send: (...buffers) => {
      for (const buffer of buffers) receiver.stdin.write(buffer);
    },
    end: async () => {
      receiver.stdin.end();
      return { code: await closed, said };
    },
    waitFor: async (id, reply) => {
      const isThere = (): boolean =>
        replies.some((each) => each.id === id && (reply ?? each.reply) === each.reply);
      while (!isThere()) {
        await Promise.race([new Promise<void>((resolve) => (wake = resolve)), closed]);
        if (!isThere() && receiver.exitCode !== null) throw new Error(`the receiver ended: ${said}`);
      }
    },
  };
}

/** What an archive may hold after an attack: nothing but what belongs to every archive. */
const isOwn = (path: string): boolean =>
  /^\.twowarm\/(format|owner|receiver\/([0-9a-f]{16}\/(unfinished\/)?)?)?$/.test(path);

interface Place extends AsyncDisposable {
  sandbox: Sandbox;
  directory: string;
  /** What lies beside the archive. */
  outside(this: void): string[];
}

async function scene(label: string): Promise<Place> {
  const sandbox = makeSandbox(label);
  const directory = sandbox.directory('far/archive');
  writeFileSync(join(sandbox.path, 'far', 'beside'), 'untouched');
  const outside = (): string[] =>
    treeOf(join(sandbox.path, 'far')).filter((path) => !path.startsWith('archive/'));
  return { sandbox, directory, outside, [Symbol.asyncDispose]: () => sandbox.dispose() };
}

/** The receiver has ended by itself, not by a crash, and nothing was left. */
async function expectHarmless(client: Attack, directory: string, outside: () => string[]): Promise<string> {
  const { code, said } = await client.end();
  expect(code, said).not.toBeNull();
  expect(said).not.toContain('internal error');
  expectNothing(directory, outside);
  return said;
}

function expectNothing(directory: string, outside: () => string[]): void {
  expect(treeOf(directory).filter((path) => !isOwn(path))).toEqual([]);
  expect(outside()).toEqual(['beside']);
}

describe('a receiver', () => {
  it('ends at what is no protocol, and leaves nothing', { timeout: 120_000 }, async () => {
    await using place = await scene('hostile');
    const { directory, outside } = place;
    const garbage = [
      Buffer.from('GET / HTTP/1.1\r\n\r\n'),
      Buffer.alloc(100_000, 0xff),
      randomBytes(50_000),
      messageFrame(1, { verb: 'put' }),
      messageFrame(1, { no: 'verb' }),
      messageFrame(1, []),
      messageFrame(1, helloTo('/elsewhere')),
      messageFrame(1, helloTo(directory, { versions: [7, 9] })),
      messageFrame(1, helloTo(directory, { versions: ['1', 1] })),
      messageFrame(1, helloTo(directory, { purpose: 'read' })),
      messageFrame(1, helloTo(directory, { node: '../../x' })),
      messageFrame(1, helloTo(`${directory}/../archive2`)),
    ];
    for (const bytes of garbage) {
      const client = attack(directory);
      client.send(bytes);
      await expectHarmless(client, directory, outside);
    }
  });

  it('ends quietly when a client closes at any byte of what it sends', { timeout: 120_000 }, async () => {
    await using place = await scene('half');
    const { directory, outside } = place;
    const bytes = patterned(megabyte, 1);
    const whole = Buffer.concat([
      messageFrame(1, helloTo(directory)),
      messageFrame(2, putOf(bytes)),
      ...dataFrames(2, bytes),
      endFrame(2),
    ]);
    const cuts = fc.sample(fc.integer({ min: 0, max: whole.length - 1 }), { numRuns: 15, seed: 1 });
    for (const cut of [0, 1, 8, 9, 10, whole.length - 1, ...cuts]) {
      const client = attack(directory);
      client.send(whole.subarray(0, cut));
      await expectHarmless(client, directory, outside);
    }
  });

  it('gives no name to what is not what was announced', { timeout: 60_000 }, async () => {
    await using place = await scene('lies');
    const { directory, outside } = place;
    const bytes = patterned(megabyte, 1);
    const lies: [object, Buffer, string][] = [
      [{ sha256: sha256(Buffer.from('x')) }, bytes, 'its SHA-256 is another one'],
      [{ size: megabyte - 1 }, bytes, `more than ${megabyte - 1} bytes came`],
      [{ size: megabyte + 1 }, bytes, `${megabyte} of ${megabyte + 1} bytes came`],
      [{ encoding: 'zstd' }, bytes, ''],
      [{ size: 2 ** 40 }, bytes, 'too large'],
    ];
    const client = attack(directory);
    client.send(messageFrame(1, helloTo(directory)));
    for (const [index, [changes, sent, reason]] of lies.entries()) {
      const id = index + 2;
      client.send(messageFrame(id, putOf(bytes, changes)), ...dataFrames(id, sent), endFrame(id));
      await client.waitFor(id, 'error');
      expect(client.replies.findLast((each) => each.id === id)?.message).toContain(reason);
    }
    await expectHarmless(client, directory, outside);
  });

  it('takes nothing that would leave its directory for a name', async () => {
    await using place = await scene('names');
    const { directory, outside } = place;
    const names = [
      '../beside',
      `x/${name}`,
      `${name}\n`,
      `${name}\0`,
      '.twowarm/owner',
      '',
      '.',
      name.toLowerCase() + 'x',
      '/etc/passwd',
    ];
    const client = attack(directory, '--allow-read');
    client.send(messageFrame(1, helloTo(directory)));
    let id = 1;
    for (const each of names) {
      for (const verb of ['put', 'get', 'stat', 'gap', 'gap-of']) {
        id += 1;
        const fields = { reason: 'discarded', at: '2026-01-01T00:00:00Z', node: 'x' };
        client.send(messageFrame(id, { ...putOf(Buffer.from('x')), ...fields, verb, name: each }));
        await client.waitFor(id, 'error');
        expect([verb, each, client.replies.at(-1)?.kind]).toEqual([verb, each, 'invalid-name']);
      }
    }
    await expectHarmless(client, directory, outside);
  });

  it('knows no verb that replaces, removes or runs anything', async () => {
    await using place = await scene('verbs');
    const { directory, outside } = place;
    const client = attack(directory, '--allow-read');
    client.send(messageFrame(1, helloTo(directory)));
    const verbs = ['remove', 'delete', 'rename', 'exec', 'prune', '__proto__', 'constructor', 'toString'];
    for (const [index, verb] of verbs.entries()) {
      client.send(messageFrame(index + 2, { verb, name, command: 'touch /tmp/x' }));
      await client.waitFor(index + 2, 'error');
      expect(client.replies.at(-1)?.message).toContain(`the receiver does not know "${verb}"`);
    }
    await expectHarmless(client, directory, outside);
  });

  it('gives a key without the right to read no content, names or events', async () => {
    await using place = await scene('read');
    const { directory } = place;
    writeFileSync(join(directory, name), patterned(megabyte, 1));
    const client = attack(directory);
    client.send(messageFrame(1, helloTo(directory)));
    for (const [index, verb] of ['get', 'list', 'watch'].entries()) {
      client.send(messageFrame(index + 2, { verb, name }));
      await client.waitFor(index + 2, 'error');
      expect(client.replies.at(-1)?.kind).toBe('not-allowed');
    }
    await client.end();
  });

  it(
    'serves a good client while others flood it, and another cluster gets nothing',
    { timeout: 120_000 },
    async () => {
      await using place = await scene('flood');
      const { sandbox, directory, outside } = place;
      const good = await roadTo(directory, makeNode(sandbox));
      const bytes = patterned(megabyte, 1);
      const floods = [1, 2, 3].map(() => {
        const client = attack(directory);
        client.send(messageFrame(1, helloTo(directory)));
        for (let id = 2; id < 200; id++)
          client.send(messageFrame(id, putOf(bytes, { name: id % 2 ? name : '00000002.history' })));
        client.send(...dataFrames(7, Buffer.alloc(20 * megabyte)));
        return client;
      });
      const foreign = attack(directory);
      foreign.send(messageFrame(1, helloTo(directory, { system_identifier: otherCluster })));
      await foreign.waitFor(1, 'wrong-cluster');
      const source = sandbox.file('source', bytes);
      const other = '000000010000000000000009';
      expect(await good.put(other, source, acceptAll, neverStopped)).toBe('stored');
      for (const flood of floods) {
        const { code, said } = await flood.end();
        expect(code, said).not.toBeNull();
        expect(said).toContain('too many requests at once');
      }
      await foreign.end();
      await good.close();
      expect(readFileSync(join(directory, other)).equals(bytes)).toBe(true);
      expect(readdirSync(directory).filter((each) => each !== '.twowarm')).toEqual([other]);
      expect(outside()).toEqual(['beside']);
    },
  );
});

describe('a receiver that is sent what nobody reads', () => {
  it('ends with its client, and at once when it is told to', { timeout: 60_000 }, async () => {
    for (const isTold of [false, true]) {
      await using place = await scene('unread');
      const client = attack(place.directory, '--allow-read');
      client.send(messageFrame(1, helloTo(place.directory)));
      await client.waitFor(1, 'welcome');
      client.send(messageFrame(2, { verb: 'watch' }));
      await client.waitFor(2, 'watching');
      client.send(...dataFrames(2, Buffer.alloc(3 * megabyte)), messageFrame(3, { verb: 'ping' }));
      await client.waitFor(3, 'pong');
      if (isTold) {
        client.receiver.kill('SIGTERM');
        // Its client is still there, and still does not read.
        await client.ended;
        expect(client.receiver.signalCode).toBe('SIGTERM');
        expect((await client.end()).said).toBe('');
        expectNothing(place.directory, place.outside);
      } else expect(await expectHarmless(client, place.directory, place.outside)).toBe('');
    }
  });

  it('decodes within as much memory as its own clients need', { timeout: 60_000 }, async () => {
    await using place = await scene('window');
    const client = attack(place.directory);
    client.send(messageFrame(1, helloTo(place.directory)));
    await client.waitFor(1, 'welcome');
    const windowLog = { [constants.ZSTD_c_windowLog]: 27, [constants.ZSTD_c_contentSizeFlag]: 0 };
    const plain = Buffer.alloc(140 * megabyte);
    const frame = zstdCompressSync(plain, { params: windowLog });
    client.send(messageFrame(2, putOf(plain, { encoding: 'zstd' })));
    await client.waitFor(2, 'go');
    client.send(...dataFrames(2, frame), endFrame(2));
    await client.waitFor(2, 'error');
    expect(client.replies.at(-1)?.message).toMatch(/too much memory/);
    await expectHarmless(client, place.directory, place.outside);
  });
});
