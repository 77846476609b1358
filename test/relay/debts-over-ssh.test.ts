// A destination on another machine that was down, with the copies on yet another one: real OpenSSH, nothing of it mocked.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { bestEffort, isWhole, owe, owedTo } from '../archive/policies/policy-node.ts';
import type { NodeFixture } from '../harness/node-fixture.ts';
import { makeNode } from '../harness/node-fixture.ts';
import { makeSandbox, type Sandbox } from '../harness/sandbox.ts';
import { startSshd, type Sshd } from '../harness/sshd.ts';
import { waitFor } from '../harness/wait-for.ts';
import { segmentNamed } from '../harness/wal-files.ts';
import { sshSection, urlOf } from '../transport/ssh/ssh-node.ts';
import { leftovers, setState, startedRelay, startPostmaster } from './fixture.ts';
import { asideOf, heldFor, untilPaid } from './primary.ts';

let sandbox: Sandbox;
/** The machine of dr, which goes down, and that of db2. */
let drs: Sshd;
let db2s: Sshd;

beforeAll(async () => {
  sandbox = makeSandbox('debts-over-ssh');
  drs = await startSshd(sandbox, { name: 'sshd-dr' });
  db2s = await startSshd(sandbox, { name: 'sshd-db2' });
});

afterAll(async () => {
  for (const sshd of [drs, db2s]) await sshd.stop();
  await sandbox.dispose();
});

function sshToml(path: NodeFixture['path']): string {
  const limit = "time_limit = '10s'";
  const section = sshSection(drs).replace(/^(identity_files|known_hosts) = .*$/gm, '');
  return [
    ...['[destination.db2]', `url = '${urlOf(db2s, path('db2'))}'`, limit],
    ...['[destination.dr]', `url = '${urlOf(drs, path('dr'))}'`, limit, ...bestEffort],
    section,
    `identity_files = ['${drs.clientKey}', '${db2s.clientKey}']`,
    `known_hosts = ['${drs.knownHosts}', '${db2s.knownHosts}']`,
    '',
  ].join('\n');
}

describe('a destination of a primary on another machine', { timeout: 120_000 }, () => {
  it('has what it is owed once its machine is back, from what is held and from another machine', async () => {
    await using node = await makeNode('debts-ssh', {
      configuration: sshToml,
      directories: ['db2', 'dr', 'twowarm/archive'],
    });
    setState(node, 'in production');
    startPostmaster(node);
    const held = [0x100, 0x102].map((at) => node.segment(segmentNamed(at), {}, 'twowarm/spool/held/dr'));
    const there = [0x101, 0x103].map((at) => node.segment(segmentNamed(at), {}, 'db2'));
    const names = [...held, ...there].sort();
    await drs.stop();
    owe(node, 'dr', names);
    const relay = await startedRelay(node);
    await waitFor('the fault', () => relay.said().includes('WARNING'));
    expect(relay.said()).toMatch(
      new RegExp(
        `WARNING: {2}could not .*127\\.0\\.0\\.1.*\n(DETAIL: {2}.*)It is owed 4 files, ${names[0]!} first; it is tried again with growing pauses\\.\n`,
      ),
    );
    expect(owedTo(node, 'dr')).toEqual(names);
    await drs.restart();
    await untilPaid(node, 'dr', 60_000);
    await waitFor('the word', () => relay.said().includes('dr has everything that it was owed'));
    const paid = relay.events().filter(({ event }) => event === 'paid');
    expect(paid.map(({ file, destination }) => `${file} ${destination}`)).toEqual(
      names.map((name) => `${name} dr`),
    );
    const { code, stderr } = await relay.stop();
    expect(code).toBe(0);
    expect(stderr.match(/WARNING/g)).toHaveLength(1);
    for (const name of names) expect(isWhole(node, `dr/${name}`), name).toBe(true);
    expect(heldFor(node, 'dr')).toEqual([]);
    expect(asideOf(node, 'dr')).toEqual([]);
    expect(leftovers(node)).toEqual([]);
  });
});
