// What twowarm check prints: first the one line that monitoring reads, then a line for each finding, or one JSON object.
import { printable } from '../../program/print-error.ts';
import { version } from '../../program/version.ts';
import type { MonitoringStatus } from '../../transport/destination-findings.ts';
import { count } from '../../program/count.ts';
import { rankOf, worstLevel } from './findings.ts';
import type { StepResult } from './run-steps.ts';
import type { Scene } from './scene.ts';
import type { Finding, Level } from './step.ts';

const statuses: Record<Level, MonitoringStatus> = {
  ok: 'OK',
  skipped: 'OK',
  unknown: 'UNKNOWN',
  warning: 'WARNING',
  critical: 'CRITICAL',
};

export const statusOf = (results: readonly StepResult[]): MonitoringStatus => statuses[worstLevel(results)];

const words: Record<Level, string> = {
  ok: 'ok',
  skipped: 'skipped',
  unknown: 'UNKNOWN',
  warning: 'WARNING',
  critical: 'CRITICAL',
};

const nameOf = ({ step, subject }: StepResult): string => `${step.id}${subject === '' ? '' : ` ${subject}`}`;

function whoseWords({ maybeNode, role }: Scene): string {
  if (maybeNode === undefined) return '';
  return ` on ${maybeNode.settings.nodeName}${role === undefined ? '' : ` (${role})`}`;
}

const isWrong = ({ level }: { level: Level }): boolean => level !== 'ok' && level !== 'skipped';

/** 'CRITICAL: twowarm check on db1 (primary): archive-command, wal-room (26 checks: 23 ok, 1 warning, 1 critical, 1 skipped)' */
function headline(results: readonly StepResult[], scene: Scene): string {
  const wrong = results.filter(isWrong);
  const names = wrong.sort((a, b) => rankOf(b.level) - rankOf(a.level)).map(nameOf);
  const levels = (['ok', 'unknown', 'warning', 'critical', 'skipped'] as const).flatMap((level) => {
    const number = results.filter((each) => each.level === level).length;
    return number === 0 ? [] : [`${number} ${level}`];
  });
  const what = names.length === 0 ? '' : `${names.join(', ')} (`;
  const end = names.length === 0 ? '' : ')';
  return `${statusOf(results)}: twowarm check${whoseWords(scene)}: ${what}${count(results.length, 'check')}: ${levels.join(', ')}${end}\n`;
}

const indent = ' '.repeat(10);

function lineOf(result: StepResult, { level, message, detail, hint }: Finding): string {
  return [
    `${words[level].padEnd(indent.length)}${nameOf(result)}: ${message}`,
    ...(detail === undefined ? [] : [`${indent}DETAIL:  ${detail}`]),
    ...(hint === undefined ? [] : [`${indent}HINT:  ${hint}`]),
  ]
    .map((line) => `${printable(line)}\n`)
    .join('');
}

/** What was skipped for one reason is one line. */
function skippedLines(results: readonly StepResult[]): string {
  const reasons = new Map<string, string[]>();
  for (const result of results) {
    const [finding] = result.findings;
    const { message, detail, hint } = finding!;
    if (detail !== undefined || hint !== undefined) continue;
    reasons.set(message, [...(reasons.get(message) ?? []), nameOf(result)]);
  }
  return [...reasons]
    .map(([message, names]) => printable(`${'skipped'.padEnd(indent.length)}${names.join(', ')}: ${message}`))
    .map((line) => `${line}\n`)
    .join('');
}

const isPlainlySkipped = ({ level, findings: [first] }: StepResult): boolean =>
  level === 'skipped' && first!.detail === undefined && first!.hint === undefined;

function hopLines({ hops }: Scene): string {
  return hops
    .map(({ segment, from, to, ms }) => {
      const time = ms === null ? 'not seen there' : `${ms} ms`;
      return printable(`${'hop'.padEnd(indent.length)}${segment}: ${from} -> ${to}: ${time}`);
    })
    .map((line) => `${line}\n`)
    .join('');
}

/** For cron: the first line, and what is not well. */
export function describeWrong(results: readonly StepResult[], scene: Scene): string {
  const lines = results.flatMap((result) =>
    result.findings.filter(isWrong).map((finding) => lineOf(result, finding)),
  );
  return headline([...results], scene) + lines.join('');
}

/** For a person, and for what reads the first line alone. */
export function describe(results: readonly StepResult[], scene: Scene): string {
  const judged = results.filter((result) => !isPlainlySkipped(result));
  const lines = judged.flatMap((result) => result.findings.map((finding) => lineOf(result, finding)));
  const others = skippedLines(results.filter(isPlainlySkipped));
  return headline([...results], scene) + lines.join('') + others + hopLines(scene);
}

/** For a program; ends in a line feed. */
export function toJson(results: readonly StepResult[], scene: Scene): string {
  const steps = results.map(({ step: { id }, subject, level, tookMs, findings }) => ({
    ...{ id, subject: subject === '' ? null : subject, level, tookMs },
    findings: findings.map(({ level: each, message, detail = null, hint = null, figures = {} }) => ({
      ...{ level: each, message, detail, hint, figures },
    })),
  }));
  const answer = {
    status: statusOf(results),
    node: scene.maybeNode?.settings.nodeName ?? null,
    role: scene.role ?? null,
    version,
    steps,
    hops: scene.hops,
  };
  return `${JSON.stringify(answer)}\n`;
}
