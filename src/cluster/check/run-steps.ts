// Runs the steps, as many at once as their needs allow, each within its time: one that hangs does not hold up the others.
import { bounded } from '../../program/bounded.ts';
import { ofFault, rankOf, skipped, worstLevel } from './findings.ts';
import type { Scene } from './scene.ts';
import type { Finding, Level, Step } from './step.ts';

/** A step that was done, for one of its subjects ('' where it has none). */
export interface StepResult {
  step: Step;
  subject: string;
  level: Level;
  tookMs: number;
  /** It did not come to its end: what follows from it has nothing to go on, however little that weighs. */
  broke?: boolean;
  /** The worst first. */
  findings: Finding[];
}

const nameOf = ({ step, subject }: StepResult): string => `${step.id}${subject === '' ? '' : ` ${subject}`}`;

const byRank = (a: Finding, b: Finding): number => rankOf(b.level) - rankOf(a.level);

const blocks = ({ level, broke }: StepResult): boolean =>
  broke === true || ['critical', 'unknown', 'skipped'].includes(level);

/** What keeps a step from being judged: a need that failed, and for one that was skipped itself what that lacked. */
function obstacleOf(needs: readonly StepResult[], subject: string): Finding | undefined {
  const relevant = needs.filter((each) => each.subject === '' || subject === '' || each.subject === subject);
  const obstacle = relevant.find(blocks);
  if (obstacle === undefined) return undefined;
  const [reason] = obstacle.findings;
  if (obstacle.level === 'skipped') return skipped(reason!.message, { hint: reason!.hint });
  const state = obstacle.level === 'warning' ? 'has failed' : `is ${obstacle.level}`;
  return skipped(`not judged: ${nameOf(obstacle)} ${state}`);
}

const isElsewhere = ({ where }: Step, { role, isRecovering, unconfigured }: Scene): boolean =>
  where !== undefined &&
  role !== undefined &&
  ((where === 'standby') !== isRecovering || unconfigured !== undefined);

async function runOne(
  step: Step,
  subject: string,
  scene: Scene,
  stop: AbortSignal,
): Promise<Omit<StepResult, 'step'>> {
  const begun = performance.now();
  let findings: Finding[];
  let broke = false;
  try {
    const run = async (signal: AbortSignal): Promise<Finding[]> => step.run(scene, signal, subject);
    findings = await bounded(step.doing(scene, subject), scene.limitMs, stop, run);
  } catch (error) {
    stop.throwIfAborted();
    broke = true;
    findings = [ofFault(error, step.faultIs?.(scene, subject) ?? 'unknown')];
  }
  const tookMs = Math.round(performance.now() - begun);
  return { subject, level: worstLevel(findings), tookMs, broke, findings: findings.sort(byRank) };
}

/** All results, or the first fault once every one has ended: told to stop, each removes what it has made first. */
async function allEnded<T>(works: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(works);
  return Promise.all(works);
}

async function runStep(
  step: Step,
  scene: Scene,
  resultsOf: (id: string) => Promise<StepResult[]>,
  stop: AbortSignal,
): Promise<StepResult[]> {
  const { needs = [], after = [] } = step;
  const needed = (await Promise.all(needs.map(resultsOf))).flat();
  await Promise.all(after.map(resultsOf));
  if (isElsewhere(step, scene)) return [];
  const skip = (subject: string, finding: Finding): StepResult => ({
    ...{ step, subject, level: 'skipped', tookMs: 0 },
    findings: [finding],
  });
  // Without a node there is nothing to take subjects from.
  const general = needed.filter(({ subject }) => subject === '');
  const obstacle = obstacleOf(general, '');
  if (obstacle !== undefined) return [skip('', obstacle)];
  const subjects = step.subjects === undefined ? [''] : step.subjects(scene);
  return allEnded(
    subjects.map(async (subject) => {
      const own = obstacleOf(needed, subject);
      if (own !== undefined) return skip(subject, own);
      return { step, ...(await runOne(step, subject, scene, stop)) };
    }),
  );
}

/** What has kept steps from being judged: these are skipped, and without that all would seem well. */
async function obstaclesTo(
  results: readonly StepResult[],
  resultsOf: (id: string) => Promise<StepResult[]>,
): Promise<StepResult[]> {
  const found: StepResult[] = [];
  for (const { step, level } of results) {
    if (level !== 'skipped') continue;
    const needs = (await Promise.all((step.needs ?? []).map(resultsOf))).flat().filter(blocks);
    found.push(...needs.filter((need) => need.level !== 'skipped'), ...(await obstaclesTo(needs, resultsOf)));
  }
  return found;
}

/** The wanted steps and what they depend on; the results of the wanted ones, and of what has kept those from being judged. */
export async function runSteps(
  steps: readonly Step[],
  isWanted: (step: Step) => boolean,
  scene: Scene,
  stop: AbortSignal,
): Promise<StepResult[]> {
  const running = new Map<string, Promise<StepResult[]>>();
  const resultsOf = (id: string): Promise<StepResult[]> => {
    const known = running.get(id);
    if (known !== undefined) return known;
    const step = steps.find((each) => each.id === id);
    if (step === undefined) throw new Error(`there is no step ${id}`);
    const begun = runStep(step, scene, resultsOf, stop);
    running.set(id, begun);
    return begun;
  };
  const all = await allEnded(steps.filter(isWanted).map(({ id }) => resultsOf(id)));
  const told = new Set([...all.flat(), ...(await obstaclesTo(all.flat(), resultsOf))]);
  return [...told].sort((a, b) => steps.indexOf(a.step) - steps.indexOf(b.step));
}
