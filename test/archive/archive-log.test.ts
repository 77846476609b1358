// A log file that takes nothing: what was done is done, what is said still comes out, and nothing waits.
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { mountTmpfs } from '../harness/mounts.ts';
import {
  makeNode,
  oneDestination,
  refused,
  silent,
  type NodeFixture,
  type Outcome,
} from '../harness/node-fixture.ts';
import { run } from '../harness/run.ts';
import { runsAsRoot } from '../harness/server-user.ts';
import { segmentNamed } from '../harness/wal-files.ts';

const name = segmentNamed(0x21);
let node: NodeFixture;
beforeEach(async () => {
  node = await makeNode('archive-log');
  node.segment(name);
});
afterEach(() => node[Symbol.asyncDispose]());

const logTo = (path: string): void =>
  node.configure(
    `${oneDestination(node.path)}[restore]\nsources = ['file:${node.path('db2')}']\n[log]\nfile = '${path}'\n`,
  );
const archive = (): Promise<Outcome> => node.archive(`pg_wal/${name}`, name);
const wrongName = 'archiveWALFile: ERROR:  "x" is not the name of a file that PostgreSQL archives\n';
const target = 'pg_wal/RECOVERYXLOG';

it('a log file gets one line of JSON for each file', async () => {
  const log = node.path('twowarm.log');
  logTo(log);
  expect(await archive()).toEqual(silent([`created db2/${name}`, 'created twowarm.log']));
  const lines = readFileSync(log, 'utf8').trimEnd().split('\n');
  expect(lines.map((line) => JSON.parse(line) as object)).toMatchObject([
    { program: 'archiveWALFile', msg: `archived ${name}`, file: name, destination: 'db2', outcome: 'stored' },
  ]);
});

describe.each<[string, () => Promise<string>]>([
  [
    'a FIFO that nobody reads',
    async () => {
      expect(await run('mkfifo', [node.path('pipe')])).toMatchObject({ code: 0 });
      return node.path('pipe');
    },
  ],
  ['a full device', () => Promise.resolve('/dev/full')],
  ['a directory', () => Promise.resolve(node.sandbox.directory('logs'))],
])('%s as log file', (_, make) => {
  it('is no log file, which is said and fails nothing', async () => {
    const path = await make();
    logTo(path);
    const warning = `WARNING:  could not open the log file: "${path}" is not a regular file\n`;
    const archived = { ...silent([`created db2/${name}`]), stderr: `archiveWALFile: ${warning}` };
    expect(await archive()).toEqual(archived);
    expect(await node.archive('pg_wal/x', 'x')).toEqual(
      refused(10, `archiveWALFile: ${warning}${wrongName}`),
    );
    node.mode('recovery');
    const restored = { ...silent([`created data/${target}`]), stderr: `restoreWALFile: ${warning}` };
    expect(await node.restore(name, target)).toEqual(restored);
  });
});

describe.runIf(runsAsRoot())('a log file on a disk that is full', () => {
  it('loses its lines; the file is archived and restored, and an error is said once', async () => {
    using disk = mountTmpfs(node.sandbox.directory('logs'), 'size=16k');
    const log = node.sandbox.file('logs/twowarm.log', '{"msg":"before"}\n'.padStart(4096));
    await node.sh(`head -c 1m /dev/zero > ${node.path('logs/fill')}`);
    logTo(log);
    expect(await archive()).toEqual(silent([`created db2/${name}`]));
    expect(await node.archive('pg_wal/x', 'x')).toEqual(refused(10, wrongName));
    node.mode('recovery');
    expect(await node.restore(name, target)).toEqual(silent([`created data/${target}`]));

    disk.remount('size=64k');
    node.mode('none');
    expect(await archive()).toEqual(silent(['changed logs/twowarm.log']));
  });

  it('that cannot even be made is said, and fails nothing', async () => {
    using disk = mountTmpfs(node.sandbox.directory('logs'), 'size=16k,nr_inodes=1');
    const log = node.path('logs/twowarm.log');
    logTo(log);
    const warning = `WARNING:  could not open the log file: ENOSPC: no space left on device, open '${log}'\n`;
    const archived = { ...silent([`created db2/${name}`]), stderr: `archiveWALFile: ${warning}` };
    expect(await archive()).toEqual(archived);
    node.mode('recovery');
    const restored = { ...silent([`created data/${target}`]), stderr: `restoreWALFile: ${warning}` };
    expect(await node.restore(name, target)).toEqual(restored);

    disk.remount('size=16k,nr_inodes=8');
    node.mode('none');
    expect(await archive()).toEqual(silent(['created logs/twowarm.log']));
  });
});
