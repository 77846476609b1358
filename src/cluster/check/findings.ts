// Findings in few words, and faults as findings.
import { join } from 'node:path';
import { installedAt } from '../../program/installed-at.ts';
import { describeError } from '../../program/print-error.ts';
import type { ErrorKindName } from '../../program/error-kinds.ts';
import { forReadOnly, fromSystemError } from '../../program/program-error.ts';
import type { Finding, Level } from './step.ts';

/** By its whole path: whoever reads this is somewhere else. */
const documentOfErrors = (): string => join(installedAt(), 'docs', 'errors.md');

type Rest = Omit<Finding, 'level' | 'message'>;

const of =
  (level: Level) =>
  (message: string, rest: Rest = {}): Finding => ({ level, message, ...rest });

export const ok = of('ok');
export const skipped = of('skipped');
export const unknown = of('unknown');
export const warning = of('warning');
export const critical = of('critical');

/** What to do about faults that do not say it themselves: whoever meets them in a call cannot look around. */
const cures: Partial<Record<ErrorKindName, string>> = {
  'timed-out': 'It hangs: look at the disk or the machine behind it. To give it longer: --timeout.',
  'permission-denied': 'The owner of the data directory must be able to read and write there.',
  'directory-missing': 'If it is a mount, mount it; else correct the configuration.',
  'read-only': forReadOnly,
  'no-space': 'Make room there.',
  'input-output': 'Look for errors of this disk in the kernel log: journalctl -k',
  unreachable: 'Check that the machine is up, and that nothing between the two drops the connection.',
  'connection-lost': 'The log of sshd over there says more.',
  'format-unknown': 'Is there a newer twowarm? If the file is damaged, move it away and look what is lost.',
  'timeline-unknown': 'Run it again once the server has asked for its next file.',
};

/** A fault as a finding, with its own detail and hint unless others are given. */
export function ofFault(error: unknown, level: Level, rest: Rest = {}): Finding {
  const { report, kind } = describeError(fromSystemError(error, 'could not look'));
  const {
    message,
    detail,
    hint = cures[kind] ?? `${documentOfErrors()} says what "${kind}" means.`,
  } = report;
  return { level, message, detail, hint, ...rest };
}

const ranked: readonly Level[] = ['ok', 'skipped', 'unknown', 'warning', 'critical'];

export const rankOf = (level: Level): number => ranked.indexOf(level);

export const worstLevel = (findings: readonly Pick<Finding, 'level'>[]): Level =>
  ranked.findLast((each) => findings.some(({ level }) => level === each)) ?? 'ok';

/** Several things of which each may be right: what is wrong, else the one sentence that all is well. */
export const orOk = (found: readonly Finding[], message: string, rest: Rest = {}): Finding[] =>
  found.length > 0 ? [...found] : [ok(message, rest)];

const sizes = [
  ['TB', 1024 ** 4],
  ['GB', 1024 ** 3],
  ['MB', 1024 ** 2],
  ['kB', 1024],
] as const;

/** '12.3 GB' */
export function formatBytes(bytes: number): string {
  const [unit, size] = sizes.find(([, each]) => bytes >= each) ?? ['B', 1];
  const number = bytes / size;
  return `${number >= 100 || size === 1 ? Math.round(number) : Math.round(number * 10) / 10} ${unit}`;
}

/** How long ago or how long still, in the largest unit that has at least two of it: '3 days', '45 min'. */
export function roughly(ms: number): string {
  const units = [
    ['days', 86_400_000],
    ['hours', 3_600_000],
    ['min', 60_000],
    ['s', 1000],
  ] as const;
  const [unit, size] = units.find(([, each]) => ms >= 2 * each) ?? ['ms', 1];
  return `${Math.floor(ms / size)} ${unit}`;
}
