// configStandby, as a table of contents: prepare, show, ask, write, say what is next.
import { join } from 'node:path';
import type { ProgramCall } from '../../program/command.ts';
import { canAsk, confirm } from '../../program/confirm.ts';
import { takeProcessLock } from '../../program/process-lock.ts';
import { ProgramError } from '../../program/program-error.ts';
import { prepare, type Prepared } from './prepare.ts';
import { originOf, refuseUnfit } from './refusals.ts';
import { toJson, toText, type Outcome } from './report-outcome.ts';
import { describeChange } from './show-changes.ts';
import { refuseUnwritable, writeChanges } from './write-changes.ts';

/** Writes under a lock: two calls at once would each keep a copy of what the other has written. */
function write({ node, wanted, plan, origin }: Prepared): string | undefined {
  const { home } = node.settings;
  const { nodeId, stateDirectory } = node.identity;
  const { dataDirectory } = wanted;
  const lock = takeProcessLock(join(stateDirectory, 'configure.lock'), nodeId);
  if ('pid' in lock) throw new ProgramError('busy', `another configStandby is at work (process ${lock.pid})`);
  try {
    const mayWrite = (): void => {
      refuseUnfit(dataDirectory, node.settings);
      // A copy that was begun and finished meanwhile is another directory than the one that was looked at.
      originOf(dataDirectory, origin === 'former-primary');
    };
    return writeChanges(plan, { home, nodeId, mayWrite });
  } finally {
    lock.release();
  }
}

async function decide(prepared: Prepared, call: ProgramCall): Promise<Outcome> {
  const { plan, node } = prepared;
  const { options, voice, stop } = call;
  if (plan.changes.length === 0) return { outcome: 'unchanged', plan, kept: undefined };
  refuseUnwritable(plan, node.settings.home);
  if (options['dry-run'] === true) return { outcome: 'would-change', plan, kept: undefined };
  const asks = options['yes'] !== true && options['json'] !== true && canAsk();
  if (asks && !(await confirm('Write these changes?', stop)))
    return { outcome: 'declined', plan, kept: undefined };
  const kept = write(prepared);
  await voice.event(`configured ${prepared.wanted.dataDirectory}`, {
    mode: prepared.wanted.mode,
    files: plan.changes.map(({ path }) => path),
    ...(kept === undefined ? {} : { kept }),
  });
  return { outcome: 'configured', plan, kept };
}

export async function configureStandby(call: ProgramCall): Promise<number> {
  const prepared = await prepare(call);
  const isJson = call.options['json'] === true;
  if (!isJson) call.voice.answer(prepared.plan.changes.map(describeChange).join(''));
  for (const warning of prepared.warnings) await call.voice.report('WARNING', warning);
  const outcome = await decide(prepared, call);
  call.voice.answer(isJson ? toJson(outcome, prepared) : toText(outcome, prepared));
  return outcome.outcome === 'declined' ? 1 : 0;
}
