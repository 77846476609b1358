// What is wrong with the destinations, by what this node has noted of them, as monitoring wants it: OK, WARNING,
// CRITICAL. Pure; the same words for twowarm destination list and twowarm archiving status.
import { formatDuration } from '../program/settings/quantities.ts';
import { obstaclesOf, standInOf } from './archiving-outlook.ts';
import { describeOwed, type DestinationStatus } from './destination-status.ts';

/** The exit codes of commands for monitoring, and who is the worst of several (Monitoring Plugins rank them so). */
export const monitoringCodes = { OK: 0, UNKNOWN: 3, WARNING: 1, CRITICAL: 2 } as const;
export type MonitoringStatus = keyof typeof monitoringCodes;

/** The exit codes that a command for monitoring declares, under the word that asks for them. */
export const monitoringStatus = (word: string): { code: number; meaning: string }[] => [
  {
    code: 1,
    meaning: `${word}: WARNING: a destination fails, is suspended or is owed files; archive_command succeeds`,
  },
  {
    code: 2,
    meaning: `${word}: CRITICAL: archive_command fails or gives files up, or what is owed cannot be had`,
  },
  { code: 3, meaning: `${word}: UNKNOWN: what is to be known cannot be read, or any other fault` },
];

export interface DestinationFinding {
  level: Exclude<MonitoringStatus, 'OK'>;
  words: string;
}

export interface Circumstances {
  /** No archive_command is called: what is to be shipped arrives in the own archive, and the relay carries it. */
  isRecovering: boolean;
  hasOwnArchive: boolean;
  nowMs: number;
}

/** What has waited for so long is worth a warning, in ms: a relay takes moments, rsyncDR comes every few minutes. */
const waitsForMs = 3_600_000;

const ranked = Object.keys(monitoringCodes) as MonitoringStatus[];
export const worstOf = (findings: readonly DestinationFinding[]): MonitoringStatus =>
  ranked.findLast((each) => findings.some(({ level }) => level === each)) ?? 'OK';

const warning = (words: string): DestinationFinding => ({ level: 'WARNING', words });
const critical = (words: string): DestinationFinding => ({ level: 'CRITICAL', words });

/** One that fails or is suspended; nothing of a required one whose failure fails archive_command, which is told anyway. */
function ofState(
  status: DestinationStatus,
  all: readonly DestinationStatus[],
  { isRecovering, nowMs }: Circumstances,
): DestinationFinding[] {
  const { name, policy, state, since, lastFailure } = status;
  if (state === 'ok') return [];
  if (state === 'suspended') return [warning(`${name} is suspended since ${since}`)];
  const words = `${name} fails since ${since}: ${lastFailure?.reason ?? ''}`;
  if (isRecovering) return [policy === 'best-effort' ? warning(words) : critical(words)];
  if (policy !== 'required') return [warning(words)];
  const standIn = standInOf(status, all, nowMs);
  if (standIn === undefined) return [];
  const begun = standIn.standsInFor.find((each) => each.name === name);
  const until = begun?.until ?? undefined;
  const limit = until === undefined ? '' : `, until ${until}`;
  return [warning(`${name} fails since ${since}, and ${standIn.name} stands in for it${limit}`)];
}

function ofDebt(status: DestinationStatus): DestinationFinding[] {
  const { name, policy, state, debt } = status;
  const findings: DestinationFinding[] = [];
  if (debt.aside > 0)
    findings.push(
      critical(
        `${debt.aside} of the files that ${name} is owed are set aside: nobody has them, or they differ`,
      ),
    );
  if (policy === 'not configured')
    findings.push(warning(`${name} is not configured any more, and is owed ${describeOwed(debt)}`));
  else if (state === 'ok' && debt.count > debt.aside)
    findings.push(warning(`${name} is owed ${describeOwed(debt)}`));
  return findings;
}

function ofLag({ name, lag }: DestinationStatus, nowMs: number): DestinationFinding[] {
  if (lag === null) return [];
  if ('fault' in lag) return [{ level: 'UNKNOWN', words: lag.fault }];
  if (lag.since === null || nowMs - Date.parse(lag.since) < waitsForMs) return [];
  const waited = formatDuration(Math.floor((nowMs - Date.parse(lag.since)) / 60_000) * 60_000);
  return [warning(`${lag.first} has waited for ${waited} to be carried to ${name}`)];
}

/** Everything worth a word, the worst first. */
export function findingsOf(
  all: readonly DestinationStatus[],
  circumstances: Circumstances,
): DestinationFinding[] {
  const { isRecovering, hasOwnArchive, nowMs } = circumstances;
  const obstacles = isRecovering ? [] : obstaclesOf(all, hasOwnArchive, nowMs);
  const found = [
    ...obstacles.map((words) => critical(`archive_command fails: ${words}`)),
    ...all.flatMap((each) => [...ofState(each, all, circumstances), ...ofDebt(each), ...ofLag(each, nowMs)]),
  ];
  const once = found.filter(({ words }, index) => found.findIndex((each) => each.words === words) === index);
  return ranked.toReversed().flatMap((each) => once.filter(({ level }) => level === each));
}

/** The lines that begin a command's text: each finding, or that there is none. */
export const describeFindings = (findings: readonly DestinationFinding[], otherwise: string): string[] =>
  findings.length === 0 ? [`OK: ${otherwise}`] : findings.map(({ level, words }) => `${level}: ${words}`);
