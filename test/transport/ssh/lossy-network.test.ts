// A real network between the node and the far side: latency, and packets that are lost, in the kernel (tc netem).
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { makeLossyNetwork, refusalOfLossyNetwork } from '../../harness/lossy-network.ts';
import { commandLine } from '../../harness/node-fixture.ts';
import { makeSandbox } from '../../harness/sandbox.ts';
import { startSshd } from '../../harness/sshd.ts';
import { segmentNamed } from '../../harness/wal-files.ts';
import { treeOf } from '../archives.ts';
import { sshNode } from './ssh-node.ts';

it(
  'a queue of 20 segments arrives whole over a line that delays and loses',
  { timeout: 240_000 },
  async () => {
    const refusal = refusalOfLossyNetwork();
    if (refusal !== undefined) {
      // Such a machine, a container most likely, cannot show it; what it says must be just that.
      expect(refusal).toMatch(/Operation not permitted|Permission denied|Specified qdisc kind is unknown/);
      process.stderr.write(`this machine cannot make a lossy network: ${refusal}\n`);
      return;
    }
    using network = makeLossyNetwork('netem delay 20ms loss 1%');
    await using sandbox = makeSandbox('lossy');
    await using sshd = await startSshd(sandbox, { configuration: [`ListenAddress ${network.address}`] });
    await using node = await sshNode('lossy', sshd);
    const known = readFileSync(sshd.knownHosts, 'utf8').replaceAll('127.0.0.1', network.address);
    const url = node.url.replace('127.0.0.1', network.address);
    node.use({ url, knownHosts: node.sandbox.file('known_hosts', known) });
    const names = Array.from({ length: 20 }, (_, at) => segmentNamed(0x50 + at));
    for (const [at, name] of names.entries()) {
      node.segment(name, { content: at + 1 });
      const line = network.inside(commandLine('archiveWALFile', `pg_wal/${name}`, name));
      const { code, stderr } = await node.sh(line, { user: 'self' });
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    }
    for (const name of names) {
      const sent = readFileSync(join(node.dataDirectory, 'pg_wal', name));
      expect(readFileSync(join(node.far, name)).equals(sent)).toBe(true);
    }
    expect(treeOf(node.far).filter((path) => path.includes('.tmp.'))).toEqual([]);
    // And one back.
    const back = network.inside(commandLine('restoreWALFile', names[7]!, 'pg_wal/RECOVERYXLOG'));
    expect(await node.sh(back, { user: 'self' })).toMatchObject({ code: 0, stderr: '' });
    const sent = readFileSync(join(node.dataDirectory, 'pg_wal', names[7]!));
    expect(readFileSync(node.path('data/pg_wal/RECOVERYXLOG')).equals(sent)).toBe(true);
  },
);
