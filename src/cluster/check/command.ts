// twowarm check: the whole chain, tested before somebody has to trust it. Nothing that is configured is made or changed.
import { commonOptions, jsonOption, type Command, type ProgramCall } from '../../program/command.ts';
import { ProgramError } from '../../program/program-error.ts';
import { didYouMean } from '../../program/settings/did-you-mean.ts';
import { durationWords, parseDuration } from '../../program/settings/quantities.ts';
import { monitoringCodes } from '../../transport/destination-findings.ts';
import { describe, describeWrong, statusOf, toJson } from './report.ts';
import { runSteps } from './run-steps.ts';
import { Scene } from './scene.ts';
import type { Step } from './step.ts';
import { steps } from './steps.ts';

/** How long one step may take where nobody says otherwise, in ms; a segment has to be archived and carried. */
const quickLimitMs = 10_000;
const fullLimitMs = 60_000;

function limitOf({ options }: ProgramCall): number {
  const given = options['timeout'];
  if (typeof given !== 'string') return options['full'] === true ? fullLimitMs : quickLimitMs;
  const limitMs = parseDuration(given);
  if (limitMs !== undefined && limitMs > 0) return limitMs;
  throw new ProgramError('usage', `--timeout must be ${durationWords}, not "${given}"`);
}

/** A whole id, or its beginning up to a dash: 'destination' is every step of destinations. */
const isNamedBy =
  (word: string) =>
  ({ id }: Step): boolean =>
    id === word || id.startsWith(`${word}-`);

function wantedBy({ options }: ProgramCall): (step: Step) => boolean {
  const isFull = options['full'] === true;
  const only = options['only'];
  if (isFull && options['quick'] === true)
    throw new ProgramError('usage', '--quick and --full contradict each other');
  if (typeof only !== 'string') return (step) => isFull || step.isFull === undefined;
  const named = only.split(',').map((word) => {
    const meantSteps = steps.filter(isNamedBy(word));
    if (!isFull && meantSteps.length > 0 && meantSteps.every((step) => step.isFull === true))
      throw new ProgramError('usage', `the check "${word}" needs --full`);
    if (meantSteps.length > 0) return isNamedBy(word);
    const ids = steps.map(({ id }) => id);
    const meant = didYouMean(word, ids);
    const suggestion = meant === undefined ? '' : `; did you mean "${meant}"?`;
    throw new ProgramError('usage', `there is no check "${word}"${suggestion}`, {
      hint: `There are: ${ids.join(', ')}.`,
    });
  });
  return (step) => named.some((isNamed) => isNamed(step)) && (isFull || step.isFull === undefined);
}

async function run(call: ProgramCall): Promise<number> {
  const isWanted = wantedBy(call);
  const scene = new Scene(call, limitOf(call));
  try {
    const results = await runSteps(steps, isWanted, scene, call.stop);
    const status = statusOf(results);
    const isQuiet = call.options['quiet'] === true;
    if (call.options['json'] === true) call.voice.answer(toJson(results, scene));
    else if (!isQuiet) call.voice.answer(describe(results, scene));
    else if (status !== 'OK') call.voice.answer(describeWrong(results, scene));
    return monitoringCodes[status];
  } finally {
    await scene.close();
  }
}

export const command: Command = {
  name: 'twowarm check',
  summary: 'Tests the whole chain: configuration, server, every road; with --full a segment on its way.',
  positionals: [],
  options: [
    ...commonOptions,
    {
      name: 'quick',
      summary:
        'The default: everything but a segment on its way. Nothing is written in the server; done within seconds.',
    },
    {
      name: 'full',
      summary:
        'Also end the current segment (on a primary), follow it to every destination, and restore it from there.',
    },
    {
      name: 'only',
      argument: 'ID[,ID]',
      summary:
        'Only these checks, by their ids in docs/check.md, and what keeps them from being judged; the beginning of several ids, such as destination, means all of them.',
    },
    {
      name: 'timeout',
      argument: 'DURATION',
      summary: "How long one check may take; default '10s', with --full '1min'.",
    },
    { name: 'quiet', summary: 'Print only what is not well, and nothing where all is: for cron.' },
    jsonOption('Print JSON.'),
  ],
  hasOwnExitStatus: true,
  exitStatus: [
    { code: 0, meaning: 'OK' },
    { code: 1, meaning: 'WARNING: it works, but not as it should' },
    { code: 2, meaning: 'CRITICAL: WAL is not shipped or not restored, or would not be after a promotion' },
    { code: 3, meaning: 'UNKNOWN: something could not be found out, or any other fault' },
  ],
  notes: ['docs/check.md lists the checks.', ''],
  exitCodeOfFault: () => monitoringCodes.UNKNOWN,
  run,
};
