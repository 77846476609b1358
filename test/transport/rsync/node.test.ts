// A node that archives, restores and relays over rsync: its programs, called as PostgreSQL calls them, without a PATH.
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandLine, makeNode, type NodeFixture } from '../../harness/node-fixture.ts';
import { processesIn } from '../../harness/processes.ts';
import { startRsyncd, type Rsyncd } from '../../harness/rsyncd.ts';
import { makeSandbox, type Sandbox } from '../../harness/sandbox.ts';
import { runsAsRoot, serverUser } from '../../harness/server-user.ts';
import { startSlowLine } from '../../harness/slow-line.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { megabyte, segmentBytes, segmentNamed } from '../../harness/wal-files.ts';

let sandbox: Sandbox;
let daemon: Rsyncd;

beforeAll(async () => {
  sandbox = makeSandbox('rsync-node');
  daemon = await startRsyncd(sandbox, { modules: { all: [`path = ${dirname(sandbox.path)}`] } });
});

afterAll(async () => {
  await daemon.stop();
  await sandbox.dispose();
});

const name = segmentNamed(0x21);
const both = "accept = ['not-exclusive', 'not-durable']\n";

const urlOf = (node: NodeFixture, port = daemon.port): string =>
  `rsync://127.0.0.1:${port}/all/${basename(node.sandbox.path)}/far`;

const configuration = (url: string, destination: string): string =>
  `[destination.dr]\nurl = '${url}'\ntime_limit = '20s'\n${destination}[restore]\nsources = ['${url}']\nretry_limit = '1s'\n`;

async function rsyncNode(label: string, destination = both): Promise<NodeFixture & { url: string }> {
  const node = await makeNode(label, { directories: ['far', 'db2', 'twowarm/archive'], used: false });
  const url = urlOf(node);
  node.configure(configuration(url, destination));
  return { ...node, url };
}

/** A segment that rsync cannot compress. */
function withNoise(node: NodeFixture): void {
  node.segment(name);
  const bytes = segmentBytes(name);
  const noise = randomBytes(bytes.length);
  for (let page = 0; page < bytes.length; page += 8192) noise.copy(bytes, page + 64, page + 64, page + 8192);
  writeFileSync(node.path(`data/pg_wal/${name}`), bytes);
}

/** What is said with the first file. */
const told = (url: string): string =>
  `archiveWALFile: WARNING:  files go to dr by a road that is not-exclusive and not-durable: ${url}\n` +
  "DETAIL:  not-exclusive: two writers of one name at the same time may replace each other's file. " +
  'not-durable: a file that counts as stored may be lost in a power failure of the far side.\n';

describe('a node whose one destination is at the end of rsync', () => {
  it('archives, again, and refuses another content; what it did is told', async () => {
    await using node = await rsyncNode('rsync-archive');
    node.segment(name);
    const archive = () => node.archive(`pg_wal/${name}`, name);
    expect(await archive()).toMatchObject({ code: 0, stderr: told(node.url) });
    const far = node.path('far');
    expect(readFileSync(join(far, name)).equals(segmentBytes(name))).toBe(true);
    expect(await archive()).toMatchObject({ code: 0, stderr: '', changed: [] });
    node.segment(name, { content: 7 });
    const { code, stderr, changed } = await archive();
    expect({ code, changed }).toEqual({ code: 14, changed: [] });
    expect(stderr).toContain(`ERROR:  ${name} exists at ${node.url} with different content\n`);
    expect(processesIn(node.sandbox.path)).toEqual([]);
  });

  it('shows what its road lacks, and that it was accepted', async () => {
    await using node = await rsyncNode('rsync-status');
    const list = await node.sh(commandLine('twowarm', 'destination', 'list'));
    expect(list.stdout).toContain(
      '  the road there is not-exclusive and not-durable; accepted by name (accept)\n',
    );
    const json = await node.sh(commandLine('twowarm', 'destination', 'list', '--json'));
    const { destinations } = JSON.parse(json.stdout) as { destinations: { lacks: string[] }[] };
    expect(destinations.map(({ lacks }) => lacks)).toEqual([['not-exclusive', 'not-durable']]);
  });

  it('restores from there; absent is 1 and unknown is not', async () => {
    await using node = await rsyncNode('rsync-restore');
    node.segment(name);
    await node.archive(`pg_wal/${name}`, name);
    node.mode('recovery');
    const restore = (what: string) => node.restore(what, 'pg_wal/RECOVERYXLOG');
    expect(await restore(name)).toMatchObject({ code: 0, stderr: '' });
    expect(readFileSync(node.path('data/pg_wal/RECOVERYXLOG')).equals(segmentBytes(name))).toBe(true);
    expect(await restore(segmentNamed(0x22))).toMatchObject({ code: 1, stderr: '' });
    const url = `${node.url}/nowhere`;
    node.configure(configuration(url, both));
    const unknown = await restore(segmentNamed(0x22));
    expect(unknown.code).toBe(200);
    expect(unknown.stderr).toContain(
      `could not restore ${segmentNamed(0x22)}: could not open ${url}: the archive directory does not exist\n`,
    );
  });

  it('has nothing under the name when rsync is killed in the middle, and tries again', async () => {
    await using node = await rsyncNode('rsync-killed');
    withNoise(node);
    await using line = await startSlowLine(daemon.port, { delayMs: 1, bytesPerSecond: 400_000 });
    node.configure(configuration(urlOf(node, line.port), both));
    const far = node.path('far');
    const isArriving = (): boolean => readdirSync(far).some((each) => each.startsWith(`.${name}.`));
    const calling = node.archive(`pg_wal/${name}`, name);
    // rsync's own temporary file, which no list shows.
    await waitFor('the file to arrive', isArriving);
    const senders = processesIn(`127.0.0.1:${line.port}`).filter(({ command }) =>
      command.startsWith('rsync'),
    );
    expect(senders.length).toBeGreaterThan(0);
    for (const { pid } of senders) process.kill(pid, 'SIGKILL');
    expect(existsSync(join(far, name))).toBe(false);
    expect(await calling).toMatchObject({ code: 0, stderr: told(urlOf(node, line.port)) });
    expect(readFileSync(join(far, name)).equals(readFileSync(node.path(`data/pg_wal/${name}`)))).toBe(true);
    expect(readdirSync(far).sort()).toEqual([name, '.twowarm'].sort());
    expect(readdirSync(node.path('twowarm/state'))).not.toContain('rsync');
  });

  it('relays there what arrives in its own archive', async () => {
    await using node = await rsyncNode('rsync-relay');
    node.mode('standby');
    const own = await node.sh(commandLine('rsyncDR'));
    expect(own.code, own.stderr).toBe(0);
    node.segment(name, {}, 'twowarm/archive');
    const relayed = await node.sh(commandLine('rsyncDR'));
    expect(relayed.code, relayed.stderr).toBe(0);
    expect(readFileSync(join(node.path('far'), name)).equals(segmentBytes(name))).toBe(true);
  });

  it('cannot claim the archive over there, and says how', async () => {
    await using node = await rsyncNode('rsync-claim');
    const { code, stderr } = await node.sh(commandLine('twowarm', 'claim', 'dr'));
    expect(code).toBe(64);
    expect(stderr).toBe(
      `twowarm claim: ERROR:  cannot claim ${node.url}: of two nodes that do so at once over rsync, both would succeed\n` +
        'DETAIL:  rsync cannot create a file only where there is none. Nothing was changed.\n' +
        'HINT:  Name the same directory by another road: on its machine as file:, from here as ssh:, which needs twowarm there.\n',
    );
  });
});

it('a best-effort destination over rsync needs nothing accepted, and gets the file', async () => {
  await using node = await rsyncNode('rsync-best-effort');
  const url = urlOf(node);
  node.configure(
    `[destination.db2]\nurl = 'file:${node.path('db2')}'\n[destination.dr]\nurl = '${url}'\npolicy = 'best-effort'\n`,
  );
  node.segment(name);
  expect(await node.archive(`pg_wal/${name}`, name)).toMatchObject({ code: 0, stderr: told(url) });
  for (const directory of ['db2', 'far'])
    expect(readFileSync(join(node.path(directory), name)).length).toBe(megabyte);
});

it('a machine without rsync says how it is installed', async () => {
  await using node = await rsyncNode('rsync-missing');
  node.segment(name);
  const call = commandLine('archiveWALFile', `pg_wal/${name}`, name);
  const { uid, gid } = serverUser();
  const as = runsAsRoot() ? `setpriv --reuid=${uid} --regid=${gid} --clear-groups -- ` : '';
  // In a mount namespace of its own.
  const script = `mount --bind /dev/null /usr/bin/rsync && exec ${as}${call}`;
  const flags = runsAsRoot() ? ['-m'] : ['-rm'];
  const { status: code, stderr } = spawnSync('unshare', [...flags, 'sh', '-c', script], {
    cwd: node.dataDirectory,
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
    encoding: 'utf8',
  });
  expect(stderr).toContain(`could not open ${node.url}: `);
  expect(code).toBe(33);
  expect(stderr).toContain('HINT:  Install it here: apt-get install rsync, or dnf install rsync.\n');
});
