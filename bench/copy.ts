// npm run bench:copy: a base backup of a pgbench database of about 1 GB over loopback, beside pg_basebackup and rsync, and the copy
// again after one page in a hundred has changed. BENCH_ROUNDS (3), BENCH_SCALE (70), BENCH_FILES (100000 small files; 0: not).
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { makeSandbox } from '../test/harness/sandbox.ts';
import { startSshd } from '../test/harness/sshd.ts';
import { ensureSystemPackages } from '../test/harness/system-packages.ts';
import { changeOneIn, differingPages, manyFiles, sizeOfCluster } from './copy-data.ts';
import { makeTools, type CopyTool } from './copy-tools.ts';
import { makePrimary } from './copy-primary.ts';
import { emptySeries, peakMemory, shuffled, time, warmMemory, type Series } from './measure.ts';
import { installFromTarball } from './prepare.ts';

const rounds = Number(process.env['BENCH_ROUNDS'] ?? 3);
const scale = Number(process.env['BENCH_SCALE'] ?? 70);
const smallFiles = Number(process.env['BENCH_FILES'] ?? 100_000);
const say = (line: string): void => void process.stdout.write(`${line}\n`);

ensureSystemPackages({
  hyperfine: 'hyperfine',
  rsync: 'rsync',
  sshd: 'openssh-server',
  ssh: 'openssh-client',
  '/usr/bin/time': 'time',
});
await using sandbox = makeSandbox('bench');
const bin = await installFromTarball(sandbox);
await using sshd = await startSshd(sandbox);
const primary = await makePrimary(sandbox, sshd, bin, scale);
const megabytes = (await sizeOfCluster(primary.cluster.dataDirectory)) / 1e6;
const tools = makeTools(primary, sandbox, sshd);

const median = ({ wallMs }: Series): number =>
  [...wallMs].sort((a, b) => a - b)[Math.floor(wallMs.length / 2)]!;
const range = ({ wallMs }: Series): string =>
  `${(Math.min(...wallMs) / 1000).toFixed(2)}–${(Math.max(...wallMs) / 1000).toFixed(2)}`;

/** ext4 gives an inode that was freed no new file for 5 s, and looks at each of them whenever a file is made (recently_deleted). */
const settleMs = 6000;

async function measure(tool: CopyTool, series: Series): Promise<void> {
  await pause(settleMs);
  await primary.quiet();
  warmMemory(sandbox, 1.3e9);
  await time(sandbox, primary.cluster.dataDirectory, tool.line, 0, series);
  if (series.failures > 0) throw new Error(`${tool.name} failed: ${tool.line}`);
}

async function series(list: readonly CopyTool[], before: (tool: CopyTool) => Promise<void>) {
  const results = new Map(list.map((tool) => [tool, emptySeries()]));
  for (let round = 1; round <= rounds; round++) {
    for (const tool of shuffled(list)) {
      await before(tool);
      await measure(tool, results.get(tool)!);
    }
  }
  return results;
}

function report(results: ReadonlyMap<CopyTool, Series>): void {
  for (const [{ name }, times] of results) {
    const ms = median(times);
    const line = primary.lineBytes(name);
    const share = line === undefined ? '' : `${((line / 1e6 / megabytes) * 100).toFixed(2)} %`;
    say(
      `| ${name} | ${(ms / 1000).toFixed(2)} (${range(times)}) | ${((megabytes / ms) * 1000).toFixed(0)} | ${share} |`,
    );
  }
}

say(`\n${megabytes.toFixed(0)} MB without pg_wal, checksums on; ${rounds} rounds in random order.\n`);
say('| first copy | seconds: median (range) | MB/s | on the line |');
say('|---|---:|---:|---:|');
report(await series(tools.first, async ({ target }) => rmSync(target, { recursive: true, force: true })));

await tools.keepOld();
// A row that is updated changes its page, the page where its new version goes, and pages of the index.
await changeOneIn(175, primary.cluster);
const { pages, differing } = differingPages(primary.cluster.dataDirectory, tools.old);
say(`\n${differing} of ${pages} pages (${((differing / pages) * 100).toFixed(2)} %) have changed since.\n`);
say('| copy again | seconds: median (range) | MB/s | on the line |');
say('|---|---:|---:|---:|');
report(await series(tools.again, tools.restoreOld));

// Of the copies before.
await primary.receiverMemory();
say('\n| memory, MiB | caller | receiver |');
say('|---|---:|---:|');
async function memory(what: string): Promise<void> {
  const tool = tools.first.find(({ name }) => name === 'copyToStandby over ssh')!;
  rmSync(tool.target, { recursive: true, force: true });
  const caller = await peakMemory(primary.cluster.dataDirectory, tool.line);
  say(`| ${what} | ${caller.toFixed(0)} | ${(await primary.receiverMemory()).toFixed(0)} |`);
}
await memory('the database');
if (smallFiles > 0) {
  manyFiles(join(primary.cluster.dataDirectory, 'base', '1'), smallFiles);
  await memory(`the same with ${smallFiles} files of 8 kB more in one directory`);
}
await primary.cluster.stop('immediate');
