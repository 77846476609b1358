// What configStandby has to say at its end, to a person or as JSON.
import type { FilePlan } from './plan-files.ts';
import type { Prepared } from './prepare.ts';
import type { Mode } from './recovery-settings.ts';
import { describeChange, kindOfChange } from './show-changes.ts';

export interface Outcome {
  outcome: 'configured' | 'unchanged' | 'would-change' | 'declined';
  plan: FilePlan;
  /** Where copies of what was replaced are. */
  kept: string | undefined;
}

const nameOf: Record<Mode, string> = { hot: 'a hot standby', warm: 'a warm standby' };

export function toText({ outcome, kept }: Outcome, { wanted, next }: Prepared): string {
  const { dataDirectory, mode, major } = wanted;
  const what = `${nameOf[mode]} of PostgreSQL ${major}`;
  if (outcome === 'would-change') return 'Nothing was written: --dry-run.\n';
  if (outcome === 'declined') return 'Nothing was written.\n';
  const first =
    outcome === 'unchanged'
      ? `Nothing to change: ${dataDirectory} is configured as ${what}.`
      : `${dataDirectory} is configured as ${what}.`;
  const copies = kept === undefined ? [] : [`What was replaced is kept in ${kept}.`];
  return `${[first, ...copies, 'Next:', ...next.map((line) => `  ${line}`)].join('\n')}\n`;
}

export function toJson({ outcome, plan, kept }: Outcome, prepared: Prepared): string {
  const { wanted, warnings, next, origin } = prepared;
  const { dataDirectory, mode, major } = wanted;
  const changes = plan.changes.map((change) => ({
    path: change.path,
    change: kindOfChange(change),
    diff: describeChange(change),
  }));
  const about = { outcome, dataDirectory, mode, major, origin };
  return `${JSON.stringify({ ...about, changes, kept: kept ?? null, warnings, next })}\n`;
}
