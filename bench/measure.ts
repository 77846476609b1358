// One call, the way PostgreSQL makes it: sh -c in the data directory, as the server user, with an empty environment;
// timed by hyperfine, whose own cost does not count. Statistics of many.
import { appendFileSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../test/harness/run.ts';
import type { Sandbox } from '../test/harness/sandbox.ts';

export interface Series {
  wallMs: number[];
  /** Calls whose exit code was not the expected one. */
  failures: number;
}

export const emptySeries = (): Series => ({ wallMs: [], failures: 0 });

const warmBytes = 64 * 1024 * 1024;
const pieceBytes = 16 * 1024 * 1024;

/**
 * A virtual machine that gives free memory back to its host pays about 10 us for the first touch of each page, which
 * no server at work does: a file is written and removed before each call, or before many, as long as what they write.
 */
export function warmMemory(sandbox: Sandbox, bytes = warmBytes): void {
  const file = join(sandbox.path, 'warm');
  const piece = Buffer.alloc(pieceBytes);
  for (let written = 0; written < bytes; written += pieceBytes) appendFileSync(file, piece);
  rmSync(file);
}

interface Timing {
  results: { times: number[]; exit_codes: number[] }[];
}

/** Times one command line and adds it to the series. */
export async function time(
  sandbox: Sandbox,
  cwd: string,
  line: string,
  expectedCode: number,
  series: Series,
): Promise<void> {
  const report = join(sandbox.directory('timing'), 'report.json');
  warmMemory(sandbox);
  const args = ['-N', '-i', '-r', '1', '--style', 'none', '--export-json', report, `sh -c '${line}'`];
  const outcome = await run('hyperfine', args, { cwd, user: 'server' });
  if (outcome.code !== 0) throw new Error(`hyperfine failed: ${outcome.stderr}`);
  const [{ times, exit_codes: codes }] = (JSON.parse(readFileSync(report, 'utf8')) as Timing).results as [
    Timing['results'][0],
  ];
  series.wallMs.push(times[0]! * 1000);
  if (codes[0] !== expectedCode) series.failures += 1;
}

/** The largest resident set of the processes of a command line, in MiB. */
export async function peakMemory(cwd: string, line: string): Promise<number> {
  const outcome = await run('/usr/bin/time', ['-f', 'peak %M', 'sh', '-c', line], {
    ...{ cwd, user: 'server' },
    timeoutMs: 600_000,
  });
  return Number(/peak (\d+)/.exec(outcome.stderr)?.[1] ?? Number.NaN) / 1024;
}

export function summary({ wallMs, failures }: Series): string {
  const sorted = [...wallMs].sort((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)]!;
  const range = `${sorted[0]!.toFixed(1)}–${sorted.at(-1)!.toFixed(1)}`;
  return `${median.toFixed(1)} (${range})${failures === 0 ? '' : `, ${failures} FAILED`}`;
}

/** Fisher and Yates: the order of tools within a round, so that noise hits all of them. */
export function shuffled<T>(items: readonly T[]): T[] {
  const list = [...items];
  for (let i = list.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [list[i], list[j]] = [list[j]!, list[i]!];
  }
  return list;
}
