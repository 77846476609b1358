// A receiver that sends what nobody asked for: names that are none, other bytes than it announced. Nothing of it is
// believed, nothing is delivered, and the message says what came.
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { errorKinds } from '../../../src/program/error-kinds.ts';
import { commandLine, refused } from '../../harness/node-fixture.ts';
import { makeSandbox, type Sandbox } from '../../harness/sandbox.ts';
import { inTurn } from '../../harness/share.ts';
import { startSshd, type Sshd } from '../../harness/sshd.ts';
import { megabyte, segmentBytes, segmentNamed } from '../../harness/wal-files.ts';
import { faultOf } from '../../program/fault.ts';
import { acceptAll, neverStopped } from '../archives.ts';
import { base64, fakeReceiver, welcome, type Sent } from './fake-receiver.ts';
import { sshScene } from './scene.ts';
import { anotherSegment as name, sshNode } from './ssh-node.ts';

let sandbox: Sandbox;
let sshd: Sshd;

beforeAll(async () => {
  sandbox = makeSandbox('harm');
  sshd = await startSshd(sandbox);
});

afterAll(async () => {
  await sshd.stop();
  await sandbox.dispose();
});

const limits = { timeout: 120_000 };
const quick = { retryLimit: '50ms' };
const restored = 'pg_wal/RECOVERYXLOG';

describe('a far side that means harm', limits, () => {
  const sha256 = '0'.repeat(64);

  it('sends no file under a name of its own', async () => {
    const gap = { reply: 'gap', name: '../../evil', reason: 'discarded', at: 'now', node: 'x' };
    await using node = await sshNode('harm', sshd);
    const answers = { hello: welcome, 'gap-of': [{ message: gap }] };
    node.use({ ...quick, receiver: fakeReceiver(node.sandbox, answers) });
    // It says itself that it has no such file; what else it says is for a message alone.
    const saidOf = (file: string): string =>
      `restoreWALFile: WARNING:  could not read the gap record of ${file} at ${node.url}: "../../evil" is not the name of a WAL file\n`;
    for (const mode of ['recovery', 'none', 'recovery'] as const) {
      node.mode(mode);
      expect(await node.restore(name, restored)).toEqual(refused(1, saidOf(name)));
    }
    // A standby asks again every second: it hears of it once, and again when it is about another file.
    node.mode('standby');
    node.sandbox.file('data/postgresql.conf', 'recovery_prefetch = on\n');
    const again = segmentNamed(0x22);
    const heard: string[] = [];
    for (const file of [name, name, again, again, name]) {
      const { code, stderr } = await node.restore(file, restored);
      expect(code).toBe(1);
      heard.push(stderr.replace(/restoreWALFile: LOG: .*\nHINT: .*\n$/, ''));
    }
    expect(heard).toEqual([saidOf(name), '', saidOf(again), '', saidOf(name)]);
  });

  inTurn(2).each([
    [
      'other bytes than it announced',
      zstdCompressSync(segmentBytes(name, { content: 0x33 })),
      () => `could not restore ${name}: what arrived is not what was announced: its SHA-256 is another one\n`,
    ],
    [
      'more bytes than it announced',
      zstdCompressSync(Buffer.concat([segmentBytes(name), Buffer.alloc(1)])),
      () =>
        `could not restore ${name}: what arrived is not what was announced: more than 1048576 bytes came\n`,
    ],
    [
      'what is not compressed',
      Buffer.from('nothing that zstd knows'),
      (url: string) =>
        `could not restore ${name} from ${url}: what arrives is not what zstd compressed: Unknown frame descriptor\n`,
    ],
    [
      'half of what it announced',
      zstdCompressSync(segmentBytes(name, { content: 0x33 })).subarray(0, -10),
      (url: string) =>
        `could not restore ${name} from ${url}: what arrives is not what zstd compressed: unexpected end of file\n`,
    ],
  ])('that sends %s delivers nothing', async (_, bytes, said) => {
    await using node = await sshNode('harm', sshd);
    const get: Sent[] = [
      { message: { reply: 'found', size: megabyte, encoding: 'zstd' } },
      { data: base64(bytes) },
      'end',
      { message: { reply: 'sent', sha256 } },
    ];
    node.use({ ...quick, receiver: fakeReceiver(node.sandbox, { hello: welcome, get }) });
    for (const [mode, ends] of [
      ['standby', 1],
      ['recovery', 200],
      ['none', 1],
    ] as const) {
      node.mode(mode);
      const { changed, ...outcome } = await node.restore(name, restored);
      expect(outcome).toEqual({
        code: ends,
        stdout: '',
        stderr: `restoreWALFile: ERROR:  ${said(node.url)}`,
      });
      expect(changed.filter((each) => !each.endsWith('state/unfinished'))).toEqual([]);
    }
  });

  inTurn(2).each([
    ['two dots', '..\n'],
    ['a path', '../000000010000000000000001\n'],
    ['a line feed in a name', '00000001\n0000000000000001\n'],
    ['a NUL', '000000010000000000000001\0\n'],
    ['another spelling', '00000001000000000000000a\n'],
  ])('that lists %s is not believed in anything', async (_, text) => {
    await using own = makeSandbox('lists');
    await using scene = await sshScene(own);
    const list: Sent[] = [{ message: { reply: 'listing', count: 1 } }, { data: base64(text) }, 'end'];
    const road = await scene.read(scene.node({ receiver: fakeReceiver(own, { hello: welcome, list }) }));
    const fault = await faultOf(() => road.list(AbortSignal.timeout(20_000)));
    expect(fault).toMatchObject({
      kind: 'protocol',
      message: `could not list ${scene.url}: it lists names that are none of WAL files`,
    });
  });
});

describe('a far side that answers more than it was asked, or too early', limits, () => {
  it('is not believed that it has stored what was not sent', async () => {
    await using own = makeSandbox('early');
    await using scene = await sshScene(own);
    const early = [{ message: { reply: 'go' } }, { message: { reply: 'stored' } }];
    const receiver = fakeReceiver(own, { hello: welcome, put: early });
    const road = await scene.write(scene.node({ receiver }));
    const source = own.file(`source/${name}`, randomBytes(16 * megabyte));
    expect(await faultOf(() => road.put(name, source, acceptAll, neverStopped))).toEqual({
      kind: 'protocol',
      message: `could not store ${name} at ${scene.url}: it calls ${name} stored before it has all of it`,
    });
    await road.close();
  });

  inTurn(2).each(['toString', '__proto__', 'bug'])(
    'refuses with the kind "%s", which has no exit code',
    async (kind) => {
      await using node = await sshNode('kinds', sshd);
      const no: Sent[] = [{ message: { reply: 'error', kind, message: 'no' } }];
      node.use({
        ...quick,
        receiver: fakeReceiver(node.sandbox, { hello: welcome, claim: no, ownership: no }),
      });
      const { code, stderr } = await node.sh(commandLine('twowarm', 'claim', '--take-over', node.url));
      expect(stderr).toBe('twowarm claim: ERROR:  no\n');
      expect(code).toBe(errorKinds['input-output'].exitCode);
    },
  );

  it('has no memory of ours to fill: neither by a list without an end nor by replies that nobody asked for', async () => {
    await using own = makeSandbox('floods');
    await using scene = await sshScene(own);
    const endless: Sent[] = [
      { message: { reply: 'listing', count: 1 } },
      ...Array.from({ length: 80 }, () => ({ data: base64(Buffer.alloc(megabyte, 65)) })),
    ];
    const chatty: Sent[] = Array.from({ length: 3000 }, () => ({ message: { reply: 'found', size: 1 } }));
    const receiver = fakeReceiver(own, { hello: welcome, list: endless, stat: chatty });
    const road = await scene.read(scene.node({ receiver }));
    expect(await faultOf(() => road.list(neverStopped))).toEqual({
      kind: 'protocol',
      message: `could not list ${scene.url}: its list of names does not end`,
    });
    // The first reply counts; what follows it is for nobody.
    expect(await road.stat(name, neverStopped)).toEqual({ sizeBytes: 1 });
    await road.close();
  });

  it('is not heard out when it goes on replying while it owes the bytes', async () => {
    await using own = makeSandbox('chatty');
    await using scene = await sshScene(own);
    const get: Sent[] = [
      { message: { reply: 'found', size: megabyte, encoding: 'zstd' } },
      { data: base64(zstdCompressSync(randomBytes(megabyte)).subarray(0, 1000)) },
      ...Array.from({ length: 1500 }, () => ({ message: { reply: 'sent', sha256: '0'.repeat(64) } })),
    ];
    const receiver = fakeReceiver(own, { hello: welcome, get });
    const road = await scene.read(scene.node({ receiver }));
    const target = join(own.directory('target'), name);
    expect(await faultOf(() => road.get(name, target, acceptAll, AbortSignal.timeout(20_000)))).toMatchObject(
      {
        kind: 'protocol',
        message: expect.stringContaining('the far side replies more than it is asked') as string,
      },
    );
    expect(existsSync(target)).toBe(false);
    await road.close();
  });
});
