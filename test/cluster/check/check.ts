// twowarm check as the tests call it, and what it says of one step.
import { program } from '../../harness/installation.ts';
import { commandLine, type NodeFixture } from '../../harness/node-fixture.ts';
import { run, type RunResult } from '../../harness/run.ts';

export interface Found {
  level: string;
  message: string;
  detail: string | null;
  hint: string | null;
  figures: Record<string, number | string | boolean | null>;
}

export interface Answer {
  status: string;
  node: string | null;
  role: string | null;
  version: string;
  steps: { id: string; subject: string | null; level: string; tookMs: number; findings: Found[] }[];
  hops: { segment: string; from: string; to: string; ms: number | null }[];
}

export const checkOf = (dataDirectory: string, ...words: string[]): Promise<RunResult> =>
  run(program('twowarm'), ['check', '-D', dataDirectory, ...words], { timeoutMs: 120_000 });

/** The lines that it prints about a step of a fixture (or several: 'destination'), without the first line; and its exit code. */
export async function said(
  node: NodeFixture,
  id: string,
  ...words: string[]
): Promise<{ code: number | null; lines: string[] }> {
  const line = commandLine('twowarm', 'check', '--only', id, ...words);
  const { code, stdout, stderr, changed } = await node.sh(line);
  if (stderr !== '' || changed.length > 0) throw new Error(`${stderr}${changed.join('\n')}`);
  const lines = stdout.trimEnd().split('\n').slice(1);
  requireCures(lines);
  return { code, lines };
}

/** What is not well says what to do. */
function requireCures(lines: readonly string[]): void {
  const without = lines.filter((line, index) => {
    if (!/^(WARNING|CRITICAL|UNKNOWN) /.test(line)) return false;
    return !lines.slice(index + 1, index + 3).some((next) => next.startsWith('          HINT:  '));
  });
  if (without.length > 0) throw new Error(`says not what to do: ${without.join('\n')}`);
}

/** Lines as a step prints them. */
export const found = (level: string, step: string, message: string, ...more: string[]): string[] => [
  `${level.padEnd(10)}${step}: ${message}`,
  ...more.map((line) => `          ${line}`),
];

/** What is said of db2 where nobody has claimed it, and it is a place of its own. */
export const freeAndApart = [
  ...found(
    'ok',
    'destination-owner db2',
    'nobody has claimed it: it takes files of every node of this cluster',
  ),
  ...found(
    'ok',
    'destination-place db2',
    'it is a place of its own, by a road that is exclusive and durable',
  ),
];
