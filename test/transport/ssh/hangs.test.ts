// A far side that hangs, at each step of a connection and of each request in turn: the call ends within the limit that is
// meant for it, says where it hung, delivers and leaves nothing, and the next call succeeds.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { makeSandbox, type Sandbox } from '../../harness/sandbox.ts';
import { inTurn } from '../../harness/share.ts';
import { startSshd, type Sshd } from '../../harness/sshd.ts';
import { segmentBytes } from '../../harness/wal-files.ts';
import { treeOf } from '../archives.ts';
import { base64, fakeReceiver, welcome, type Sent } from './fake-receiver.ts';
import { hangingSide, preface, silentReceiver, steps, type Step } from './hanging-side.ts';
import { anotherSegment as name, sshNode, urlOf, type SshChanges, type SshNode } from './ssh-node.ts';

let sandbox: Sandbox;
let sshd: Sshd;

beforeAll(async () => {
  sandbox = makeSandbox('hangs');
  sshd = await startSshd(sandbox);
});

afterAll(async () => {
  await sshd.stop();
  await sandbox.dispose();
});

const quick = { connectLimit: '1500ms', idleLimit: '1500ms', timeLimit: '4s', retryLimit: '50ms' };
const target = 'pg_wal/RECOVERYXLOG';
const bytes = segmentBytes(name);

/** No limit of `quick` is longer than this together with what a call itself takes on a busy machine, in ms. */
const mostMs = 12_000;

interface Ended {
  code: number | null;
  stderr: string;
}

async function inTime(call: () => Promise<Ended>): Promise<Ended> {
  const started = performance.now();
  const { code, stderr } = await call();
  expect(performance.now() - started).toBeLessThan(mostMs);
  return { code, stderr };
}

/** A put, and a get, with these changes; then the same without them. */
async function hangAndRecover(
  node: SshNode,
  verb: 'put' | 'get',
  changes: SshChanges,
  said: string,
): Promise<void> {
  node.use({ ...quick, ...changes });
  if (verb === 'put') {
    node.segment(name);
    const call = () => node.archive(`pg_wal/${name}`, name);
    expect(await inTime(call)).toEqual({
      code: 27,
      stderr: `archiveWALFile: ERROR:  could not store ${name}${said}`,
    });
    expect(existsSync(join(node.far, name))).toBe(false);
    node.use({});
    expect(await call()).toMatchObject({ code: 0, stdout: '', stderr: '' });
    expect(readFileSync(join(node.far, name)).equals(bytes)).toBe(true);
  } else {
    node.segment(name, {}, 'far');
    node.mode('recovery');
    const call = () => node.restore(name, target);
    expect(await inTime(call)).toEqual({
      code: 200,
      stderr: `restoreWALFile: ERROR:  could not restore ${name}${said}`,
    });
    expect(readdirSync(node.path('data/pg_wal'))).toEqual([]);
    node.use({});
    expect(await call()).toMatchObject({ code: 0, stdout: '', stderr: '' });
    expect(readFileSync(node.path(`data/${target}`)).equals(bytes)).toBe(true);
  }
  expect(treeOf(node.sandbox.path).filter((path) => path.includes('.tmp.'))).toEqual([]);
}

const verbs = ['put', 'get'] as const;

describe.concurrent('a far side that hangs in SSH itself', { timeout: 120_000 }, () => {
  const cases = steps.flatMap((step): [Step, 'put' | 'get'][] => verbs.map((verb) => [step, verb]));

  inTurn(3).each(cases)('at the %s of a %s: the call ends by the limit of connecting', async (step, verb) => {
    await using node = await sshNode(`hangs-${step}`, sshd);
    await using side = await hangingSide(node.sandbox, step);
    const known = readFileSync(sshd.knownHosts, 'utf8');
    const knownHosts = node.sandbox.file('known_hosts', `${known}[127.0.0.1]:${side.port} ${side.hostKey}\n`);
    const url = urlOf(sshd, node.far, side.port);
    const said =
      `: could not open ${url}: could not connect: no answer within 1500ms\n` +
      `HINT:  Try, as ${sshd.user}: ssh -p ${side.port} ${sshd.user}@127.0.0.1 true\n`;
    await Promise.all([side.untilReached(), hangAndRecover(node, verb, { url, knownHosts }, said)]);
  });
});

describe.concurrent('a receiver that hangs', { timeout: 120_000 }, () => {
  inTurn(3).each([
    ['before its first byte', '', 'put'],
    ['before its first byte', '', 'get'],
    ['before its welcome', preface, 'put'],
    ['before its welcome', preface, 'get'],
  ] as const)('%s: the call ends by the limit of silence (%s%s)', async (_, text, verb) => {
    await using node = await sshNode('hangs-receiver', sshd);
    const { receiver, untilReached } = silentReceiver(node.sandbox, text);
    const said = `: could not open ${node.url}: the far side has not answered for 1.5 s\n`;
    await Promise.all([untilReached(), hangAndRecover(node, verb, { receiver }, said)]);
  });

  const packed = zstdCompressSync(bytes);
  const [half, all] = [packed.subarray(0, packed.length / 2), packed].map((part) => ({ data: base64(part) }));
  const go = { message: { reply: 'go' } };
  const found = { message: { reply: 'found', size: bytes.length } };
  const requests: [string, 'put' | 'get', Sent[]][] = [
    ['before it lets the file be sent', 'put', []],
    ['before its last answer', 'put', [go]],
    ['before it says whether it has the file', 'get', []],
    ['before the first byte of the file', 'get', [found]],
    ['in the middle of the file', 'get', [found, half!]],
    ['before the end of the file', 'get', [found, all!]],
    ['before the hash of the file', 'get', [found, all!, 'end']],
  ];

  inTurn(3).each(requests)(
    '%s (%s), all of it: the call ends by the limit of silence',
    async (_, verb, sent) => {
      await using node = await sshNode('hangs-request', sshd);
      const receiver = fakeReceiver(node.sandbox, { hello: welcome, ping: [], [verb]: sent });
      const where = verb === 'put' ? 'at' : 'from';
      const said = ` ${where} ${node.url}: the far side has not answered for 1.5 s\n`;
      await hangAndRecover(node, verb, { receiver }, said);
    },
  );

  inTurn(3).each(requests)(
    '%s (%s), and is alive: the call ends by its time limit',
    async (_, verb, sent) => {
      await using node = await sshNode('hangs-alive', sshd);
      const receiver = fakeReceiver(node.sandbox, { hello: welcome, [verb]: sent });
      const where = verb === 'put' ? 'at' : 'from';
      await hangAndRecover(node, verb, { receiver }, ` ${where} ${node.url}: no answer within 4s\n`);
    },
  );
});
