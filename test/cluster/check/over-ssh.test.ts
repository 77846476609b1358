// twowarm check over ssh: a real OpenSSH server, and each link of the way broken in turn. What the far side says of its own roads is
// in chain.test.ts.
import { chmodSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { serverUser } from '../../harness/server-user.ts';
import { hostname } from 'node:os';
import { makeNode } from '../../harness/node-fixture.ts';
import { makeSandbox, type Sandbox } from '../../harness/sandbox.ts';
import { makeSshKey } from '../../harness/ssh-keys.ts';
import { startSshd, type Sshd } from '../../harness/sshd.ts';
import { anotherCluster, ourCluster } from '../../harness/wal-files.ts';
import { lockedNode } from '../../transport/ssh/locked-node.ts';
import { sshNode, sshSection, urlOf, type SshNode } from '../../transport/ssh/ssh-node.ts';
import { found, freeAndApart, said } from './check.ts';

let sandbox: Sandbox;
let sshd: Sshd;
let node: SshNode;

beforeAll(async () => {
  sandbox = makeSandbox('check-sshd');
  sshd = await startSshd(sandbox);
  node = await sshNode('check-ssh', sshd);
});
afterAll(async () => {
  await node?.[Symbol.asyncDispose]();
  await sshd?.stop();
  await sandbox?.dispose();
});
afterEach(() => node.use({}));

const road = async (...words: string[]) => said(node, 'destination-road', ...words);

const critical = (message: string, ...more: string[]) => ({
  code: 2,
  lines: found('CRITICAL', 'destination-road db2', message, ...more),
});

describe('the road over ssh', () => {
  it('opens, and tells of room, writing and clock over there', async () => {
    const { code, lines } = await said(node, 'destination');
    expect(code).toBe(0);
    expect(lines).toEqual([
      expect.stringMatching(
        `^ok {8}destination-road db2: ${node.url} opens within \\d+ ms, twowarm 0.1.0 over there$`,
      ),
      ...freeAndApart,
      expect.stringMatching(/^ok {8}destination-room db2: .* are free: room for \d+ segments$/),
      expect.stringMatching(
        /^ok {8}destination-write db2: a file is durable there within \d+ ms, and hard links work$/,
      ),
      expect.stringMatching(/^ok {8}destination-clock db2: its clock is at most \d+ ms apart from ours$/),
    ]);
  });

  it('to a host whose key is not known, or has changed, is not taken', async () => {
    const empty = node.sandbox.file('known', '');
    node.use({ knownHosts: empty });
    const { code, lines } = await road();
    expect({ code, first: lines[0] }).toEqual({
      code: 2,
      first: critical(`could not verify the host key of [127.0.0.1]:${sshd.port}: it is not in known_hosts`)
        .lines[0],
    });
    expect(lines.at(-1)).toContain(
      `Then record it, as ${serverUser().name}: ssh-keyscan -t ed25519 -p ${sshd.port}`,
    );
    const other = await makeSshKey(node.sandbox, 'another_host_key');
    writeFileSync(empty, `[127.0.0.1]:${sshd.port} ${other.publicLine}\n`);
    expect((await road()).lines[0]).toContain('known_hosts has another one');
  });

  it('with a key that is not let in, is missing, or is readable by others, is not opened', async () => {
    const key = await makeSshKey(node.sandbox, 'stranger');
    node.use({ identityFiles: [key.path] });
    const { code, lines } = await road();
    expect({ code, first: lines[0] }).toEqual({
      code: 2,
      first: critical(`could not open ${node.url}: the far side refused the login of ${sshd.user}`).lines[0],
    });
    chmodSync(key.path, 0o644);
    expect(await road()).toEqual(
      critical(
        `will not use the key ${key.path}: others may read it`,
        'DETAIL:  Its mode is 0644.',
        `HINT:  chmod 600 ${key.path}`,
      ),
    );
    rmSync(key.path);
    expect((await road()).lines[0]).toBe(
      critical(`could not read the key ${key.path}: it does not exist`).lines[0],
    );
  });

  it('to a machine where no sshd listens, or no receiver is, says which', async () => {
    const nowhere = `ssh://${sshd.user}@127.0.0.1:1${node.far}`;
    node.use({ url: nowhere });
    expect(await road()).toEqual(
      critical(
        `could not open ${nowhere}: Connection refused`,
        'HINT:  Check that sshd runs on 127.0.0.1 and listens on port 1.',
      ),
    );
    node.use({ receiver: '/nowhere/twowarm' });
    const { lines } = await road();
    expect([lines[0], lines.at(-1)]).toEqual([
      critical(`could not open ${node.url}: the far side has no receiver`).lines[0],
      '          HINT:  Install twowarm there, and set ssh.receiver to the path of its bin/twowarm.',
    ]);
  });

  it("to a directory that is missing, or another cluster's, says whose side that is", async () => {
    renameSync(node.far, `${node.far}-away`);
    expect(await road()).toEqual(
      critical(
        `could not open ${node.url}: the archive directory ${node.far} does not exist`,
        `DETAIL:  That is on ${hostname()}, where the receiver runs as ${sshd.user}.`,
        `HINT:  If it is a mount, mount it there. No program creates it: over there, as ${sshd.user}, mkdir -m 700 ${node.far}`,
      ),
    );
    renameSync(`${node.far}-away`, node.far);
    const owner = `${node.far}/.twowarm/owner`;
    const before = readFileSync(owner, 'utf8');
    writeFileSync(owner, before.replace('7311222333444555666', String(anotherCluster)));
    expect((await road()).lines[0]).toContain(`the archive ${node.far} belongs to another cluster`);
    writeFileSync(owner, before);
  });

  it('to a directory that the receiver may not write to is open, but takes no file', async () => {
    chmodSync(node.far, 0o500);
    const { code, lines } = await said(node, 'destination-write');
    chmodSync(node.far, 0o700);
    expect({ code, lines }).toEqual({
      code: 2,
      lines: found(
        'CRITICAL',
        'destination-write db2',
        `could not make a file in ${node.far}: Permission denied`,
        `DETAIL:  On ${hostname()} the receiver runs as ${sshd.user}; ${node.far} belongs to ${sshd.user} and has mode 0500.`,
        `HINT:  Over there, as ${sshd.user}: chmod u+rwx ${node.far}`,
      ),
    });
  });

  it('to a directory that the receiver cannot make an archive of takes no file', async () => {
    await using fresh = await sshNode('check-ssh-fresh', sshd, { used: false });
    const own = `${fresh.far}/.twowarm`;
    fresh.sandbox.directory('far/.twowarm');
    chmodSync(own, 0o500);
    const { code, lines } = await said(fresh, 'destination-write');
    chmodSync(own, 0o700);
    expect({ code, first: lines[0] }).toEqual({
      code: 2,
      first: `CRITICAL  destination-write db2: could not write ${own}/format: Permission denied`,
    });
  });

  it('that hangs is given up when its time is over, and the rest is judged', async () => {
    sshd.pause();
    try {
      const { code, lines } = await said(node, 'destination-road,own-archive', '--timeout', '1s');
      expect({ code, lines }).toEqual({
        code: 2,
        lines: [
          ...found('ok', 'own-archive', `${node.path('twowarm/archive')} is there and this cluster's`),
          ...critical(
            `could not open ${node.url}: no answer within 1s`,
            'HINT:  It hangs: look at the disk or the machine behind it. To give it longer: --timeout.',
          ).lines,
        ],
      });
    } finally {
      sshd.resume();
    }
  });
});

describe('a source and the arbiter over ssh', () => {
  it('are looked at in the same way', async () => {
    node.mode('standby');
    const fine = await said(node, 'source');
    expect({ code: fine.code, lines: fine.lines }).toEqual({
      code: 0,
      lines: [
        expect.stringMatching(`^ok {8}source-road ${node.url}: ${node.url} can be read within \\d+ ms$`),
      ],
    });
    const nowhere = urlOf(sshd, node.far, 1);
    node.configure(
      `[restore]\nsources = ['${nowhere}']\n[cluster]\narbiter = '${nowhere}'\n${sshSection(sshd)}`,
    );
    const { code, lines } = await said(node, 'source,arbiter');
    node.mode('none');
    const hint = 'HINT:  Check that sshd runs on 127.0.0.1 and listens on port 1.';
    const words = `could not open ${nowhere}: Connection refused`;
    expect({ code, lines }).toEqual({
      code: 2,
      lines: [
        ...found('CRITICAL', `source-road ${nowhere}`, words, hint),
        ...found('CRITICAL', 'arbiter', words, hint),
      ],
    });
  });

  it('that are empty or taken are told of', async () => {
    const [empty, arbiter] = [
      node.sandbox.directory('empty'),
      node.sandbox.directory('arbiter/.twowarm/timeline'),
    ];
    node.sandbox.file(
      'arbiter/.twowarm/timeline/00000002',
      `${JSON.stringify({ timeline: 2, node: 'fedcba9876543210', node_name: 'db3', system_identifier: String(ourCluster), at: '2026-01-31T12:00:00.000Z', epoch: 0 })}\n`,
    );
    const url = `file:${arbiter.replace('/.twowarm/timeline', '')}`;
    node.mode('standby');
    node.configure(`[restore]\nsources = ['file:${empty}']\n[cluster]\narbiter = '${url}'\n`);
    const { code, lines } = await said(node, 'source-road,arbiter');
    node.mode('none');
    expect({ code, lines }).toEqual({
      code: 1,
      lines: [
        ...found(
          'WARNING',
          `source-road file:${empty}`,
          `the source file:${empty} is empty and was never an archive`,
          'DETAIL:  That may be a disk that is not mounted, or nothing has arrived yet.',
          'HINT:  Mount it, or correct restore.sources.',
        ),
        ...found(
          'WARNING',
          'arbiter',
          `timeline 2 is reserved at the arbiter ${url}, by db3 since 2026-01-31T12:00:00.000Z`,
          'HINT:  If db3 is the primary now, this node follows it. triggerStandby refuses here.',
        ),
      ],
    });
  });
});

describe('the way back', () => {
  it('cannot be tested with a key that is locked to the receiver, as it should be', async () => {
    await using locked = await lockedNode(sshd);
    expect(await said(locked, 'return-way')).toEqual({
      code: 0,
      lines: found(
        'skipped',
        'return-way db2',
        'not tested from there: this key is locked to the receiver, as it should be',
        'HINT:  On the machine of db2: twowarm check',
      ),
    });
    // Nor may it read; all that archive_command needs is judged all the same.
    expect((await said(locked, 'destination-road,destination-write,destination-owner')).code).toBe(0);
  });

  it('from a machine where no node answers for the archive is not tested', async () => {
    expect(await said(node, 'return-way')).toEqual({
      code: 0,
      lines: found(
        'skipped',
        'return-way db2',
        'not tested from there: no node answers for the archive',
        `DETAIL:  It says: could not read the configuration ${node.sandbox.path}/twowarm.toml: No such file or directory`,
        'HINT:  If db2 is a node, name its data directory (destination.db2.data_directory), or run twowarm check there. This key may run any command over there; the line that limits it is made there: twowarm receive --authorized-keys-line',
      ),
    });
  });

  it('from a node whose configuration cannot be used is warned of: the configuration here says that it is one', async () => {
    node.use({ destination: `data_directory = '${node.far}'\n` });
    expect(await said(node, 'return-way')).toEqual({
      code: 1,
      lines: found(
        'WARNING',
        'return-way db2',
        `from db2: configuration: "${node.far}" is not a data directory of PostgreSQL`,
        'DETAIL:  After a change of roles nothing would come back to this node.',
        'HINT:  On db2: twowarm check',
      ),
    });
  });

  it('to other destinations than this node is not taken for one, and one that is named as this node is', async () => {
    await using other = await makeNode('check-far-node');
    node.use({ destination: `data_directory = '${other.dataDirectory}'\n` });
    const detail =
      'DETAIL:  This key may run any command over there. The line that limits it is made there: twowarm receive --authorized-keys-line';
    expect(await said(node, 'return-way')).toEqual({
      code: 0,
      lines: found(
        'skipped',
        'return-way db2',
        `${hostname()} reaches its destinations: db2; whether one of them is this node is not known: none is named ${hostname()}`,
        detail,
        `HINT:  If none of them leads here, add a [destination.${hostname()}] to the configuration of ${hostname()}.`,
      ),
    });
    other.configure(`[destination.${hostname()}]\nurl = 'file:${other.path('db2')}'\n`);
    expect(await said(node, 'return-way')).toEqual({
      code: 0,
      lines: found('ok', 'return-way db2', `${hostname()} reaches its destinations: ${hostname()}`, detail),
    });
  });
});
