// A long and bad line: 40 ms each way, 4 MB a second, and what is lost comes a fifth of a second later. Everything arrives
// whole and in order, by single calls and by a relay, and no limit takes slowness for silence.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { commandLine } from '../../harness/node-fixture.ts';
import { makeSandbox } from '../../harness/sandbox.ts';
import { startSlowLine, type Line } from '../../harness/slow-line.ts';
import { startSshd } from '../../harness/sshd.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { megabyte, segmentBytes, segmentNamed } from '../../harness/wal-files.ts';
import { arrive, namesIn, startedRelay } from '../../relay/fixture.ts';
import { patterned, treeOf } from '../archives.ts';
import { sshNode, urlOf } from './ssh-node.ts';

const line: Line = {
  delayMs: 40,
  bytesPerSecond: 4 * megabyte,
  lost: { every: 400, resentAfterMs: 200 },
};

/** What OpenSSH lets be under way, 2 MB, takes half a second here, and as much again where packets are lost. */
const idleLimit = '3s';

/** A segment that does not become smaller on the way. */
function denseSegment(name: string): Buffer {
  const bytes = segmentBytes(name);
  const noise = patterned(megabyte, Number.parseInt(name.slice(-4), 16));
  for (let page = 0; page < megabyte; page += 8192) noise.copy(bytes, page + 40, page + 40, page + 8192);
  return bytes;
}

it(
  'a long line that loses: files arrive whole, one by one and as a queue',
  { timeout: 120_000 },
  async () => {
    await using sandbox = makeSandbox('slow-line');
    await using sshd = await startSshd(sandbox);
    await using slow = await startSlowLine(sshd.port, line);
    await using node = await sshNode('slow-line', sshd);
    const known = readFileSync(sshd.knownHosts, 'utf8');
    const knownHosts = node.sandbox.file(
      'known_hosts',
      known + known.replaceAll(`:${sshd.port} `, `:${slow.port} `),
    );
    node.use({ url: urlOf(sshd, node.far, slow.port), knownHosts, idleLimit });

    const [one, ...queue] = Array.from({ length: 21 }, (_, at) => segmentNamed(0x50 + at)) as [
      string,
      ...string[],
    ];
    node.sandbox.file(`data/pg_wal/${one}`, denseSegment(one));
    node.ready(one);
    const started = performance.now();
    expect(await node.archive(`pg_wal/${one}`, one)).toMatchObject({ code: 0, stdout: '', stderr: '' });
    // The line was slow: a megabyte takes a quarter of a second, and each question and answer 80 ms.
    expect(performance.now() - started).toBeGreaterThan(500);
    node.mode('standby');
    expect(await node.restore(one, 'pg_wal/RECOVERYXLOG')).toMatchObject({ code: 0, stderr: '' });
    expect(readFileSync(node.path('data/pg_wal/RECOVERYXLOG')).equals(denseSegment(one))).toBe(true);

    for (const name of queue) arrive(node, name, denseSegment(name));
    const relay = await startedRelay(node);
    const carried = () => relay.events().filter(({ event }) => event === 'carried');
    await waitFor('all of them to be answered for', () => carried().length >= queue.length, {
      limitMs: 60_000,
    });
    expect(await relay.stop()).toEqual({
      code: 0,
      signal: null,
      stderr: `twowarm relay: LOG:  relaying what arrives in ${node.path('twowarm/archive')} to db2\n`,
    });
    expect(
      carried()
        .map(({ file, outcome }) => [file, outcome])
        .sort(),
    ).toEqual(queue.map((name) => [name, 'stored']));
    for (const name of queue)
      expect(readFileSync(join(node.far, name)).equals(denseSegment(name)), name).toBe(true);
    expect(namesIn(node, 'far')).toEqual([segmentNamed(1), one, ...queue]);
    expect(treeOf(node.sandbox.path).filter((path) => path.includes('.tmp.'))).toEqual([]);
    expect(await node.sh(commandLine('rsyncDR'))).toMatchObject({ code: 0, stdout: '', stderr: '' });
  },
);
