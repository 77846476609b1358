// npm run bench: single calls of archive_command and restore_command, beside cp, bare Node and pgBackRest in one run.
// BENCH_ROUNDS sets the number of rounds (21).
import { setTimeout as pause } from 'node:timers/promises';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { makeSandbox } from '../test/harness/sandbox.ts';
import { ensureSystemPackages } from '../test/harness/system-packages.ts';
import { emptySeries, peakMemory, shuffled, summary, time, type Series } from './measure.ts';
import { installFromTarball, makeSegments } from './prepare.ts';
import { findTools, type Tool } from './tools.ts';

const rounds = Number(process.env['BENCH_ROUNDS'] ?? 21);
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const restored = 'pg_wal/RECOVERYXLOG';

ensureSystemPackages({ hyperfine: 'hyperfine', '/usr/bin/time': 'time' });
await using sandbox = makeSandbox('bench');
const bin = await installFromTarball(sandbox);
const { cluster, names } = await makeSegments(sandbox, rounds);
const tools = await findTools(sandbox, cluster, bin);
const cwd = cluster.dataDirectory;

type Columns = Record<'push' | 'slowPush' | 'hit' | 'miss', Series>;
const columns = (): Columns => ({
  push: emptySeries(),
  slowPush: emptySeries(),
  hit: emptySeries(),
  miss: emptySeries(),
});
const results = new Map<Tool, Columns>(tools.map((tool) => [tool, columns()]));
const floor = emptySeries();
const absent = '0000000100000FFF000000FF';

async function round(segment: string, tool: Tool, series: Columns, isLastRounds: boolean): Promise<void> {
  tool.forget(segment);
  await time(sandbox, cwd, tool.archive(segment), 0, series.push);
  if (isLastRounds) {
    tool.forget(segment);
    await pause(500);
    await time(sandbox, cwd, tool.archive(segment), 0, series.slowPush);
  }
  rmSync(join(cwd, restored), { force: true });
  await time(sandbox, cwd, tool.restore(segment, restored), 0, series.hit);
  rmSync(join(cwd, restored), { force: true });
  await time(sandbox, cwd, tool.restore(absent, restored), 1, series.miss);
}

for (const [index, segment] of names.entries()) {
  await time(sandbox, cwd, ':', 0, floor);
  for (const tool of shuffled(tools)) await round(segment, tool, results.get(tool)!, index % 2 === 1);
}

say(
  `\nsh -c : takes ${summary(floor)} ms here. Times in ms, median (min–max) of ${names.length} rounds in random order;`,
);
say(
  'each call is sh -c in the data directory, as the server user, with an empty environment, 16 MB segments.\n',
);
say(
  '| tool | archive | archive, 0.5 s apart | restore, hit | restore, miss | peak MiB archive | peak MiB restore |',
);
say('|---|---:|---:|---:|---:|---:|---:|');
for (const tool of tools) {
  const { push, slowPush, hit, miss } = results.get(tool)!;
  const segment = names[0]!;
  tool.forget(segment);
  const memory = [
    await peakMemory(cwd, tool.archive(segment)),
    await peakMemory(cwd, tool.restore(segment, restored)),
  ];
  rmSync(join(cwd, restored), { force: true });
  const times = [push, slowPush, hit, miss].map(summary);
  say(`| ${tool.name} | ${times.join(' | ')} | ${memory.map((mib) => mib.toFixed(0)).join(' | ')} |`);
}
