// twowarm claim: makes archives this primary's by hand, where it was promoted by other means, where an archive could not be
// reached at the time, or where the last claim was a mistake.
import { openThisNode, type ThisNode } from '../postgres/this-node.ts';
import { readRecoveryMode } from '../postgres/recovery-mode.ts';
import { commonOptions, type Command, type ProgramCall } from '../program/command.ts';
import { describeError } from '../program/print-error.ts';
import { ProgramError } from '../program/program-error.ts';
import { readRoadUrl, withoutSecret } from '../program/road-url.ts';
import { didYouMean } from '../program/settings/did-you-mean.ts';
import type { ClaimRequest } from '../transport/claims.ts';
import type { ClaimOutcome } from '../transport/ownership-verbs.ts';
import { archivedBefore } from './archived-before.ts';
import { claimEach, lookAtEach, type RequestOf } from './claim-archives.ts';
import { describe, toJson } from './claim-words.ts';
import { behindOthers, behindWarning } from './common-epoch.ts';
import { ancestorsOf, newestTimeline } from './fork.ts';
import { targetsOf, type At, type Target } from './targets.ts';
import { unsettledWarnings } from './unsettled.ts';
import { describeOnly } from './would-claim.ts';

/** The archives that the words name; all of the node's where there are none. */
function targetsNamed(words: readonly string[], { settings }: ThisNode): Target[] {
  if (words.length === 0) return targetsOf(settings);
  return words.map((word) => {
    const found = settings.destinations.find(({ name }) => name === word);
    if (found !== undefined) return { destination: found.name, url: found.url };
    if (readRoadUrl(word).kind !== 'unusable') return { destination: undefined, url: word };
    const meant = didYouMean(
      word,
      settings.destinations.map(({ name }) => name),
    );
    const suggestion = meant === undefined ? '' : `; did you mean "${meant}"?`;
    throw new ProgramError(
      'usage',
      `"${withoutSecret(word)}" is neither a destination nor a URL${suggestion}`,
    );
  });
}

/** A standby that claimed its archive would keep its own primary from feeding it. */
function requirePrimary({ dataDirectory }: ThisNode['settings']): void {
  const mode = readRecoveryMode(dataDirectory);
  if (mode === 'none') return;
  throw new ProgramError('not-a-primary', `the server in ${dataDirectory} is no primary: it recovers`, {
    detail: 'Its primary could not archive there any more. Nothing was changed.',
    hint: 'To promote it, which claims its archives: triggerStandby',
  });
}

/** Every fault but the first, which ends the call. */
async function reportFaults(results: readonly At<unknown>[], call: ProgramCall): Promise<void> {
  const faults = results.flatMap(({ fault }) => fault ?? []);
  for (const fault of faults.slice(1)) await call.voice.report('ERROR', describeError(fault).report);
  if (faults[0] !== undefined) throw faults[0];
}

/** Archives that nobody has named and that are this node's already: they get the epoch of the others. */
async function alsoClaimed(
  named: readonly Target[],
  timeline: number,
  node: ThisNode,
  stop: AbortSignal,
): Promise<Target[]> {
  const others = targetsOf(node.settings).filter(({ url }) => named.every((each) => each.url !== url));
  const looks = await lookAtEach(others, node, stop);
  const { nodeId } = node.identity;
  return looks
    .filter(({ value }) => value?.claim?.node === nodeId && value.claim.timeline === timeline)
    .map(({ target }) => target);
}

async function claim(
  targets: readonly Target[],
  timeline: number,
  requestOf: RequestOf,
  node: ThisNode,
  call: ProgramCall,
): Promise<At<ClaimOutcome>[]> {
  const results = await claimEach(targets, requestOf, node, call.stop);
  const claimed = results.flatMap(({ target, value }) => (value === undefined ? [] : [{ ...target, value }]));
  if (call.options['json'] === true) {
    const archives = claimed.map(({ url, value }) => toJson(url, value));
    call.voice.answer(`${JSON.stringify({ timeline, dryRun: false, archives })}\n`);
  } else for (const { url, value } of claimed) call.voice.answer(describe(url, value, node));
  for (const { url, value } of claimed)
    await call.voice.event(`claimed ${url}`, { outcome: value.outcome, epoch: value.claim.epoch });
  for (const { target, value } of results)
    for (const warning of unsettledWarnings(target, value, requestOf(target)))
      await call.voice.report('WARNING', warning);
  for (const each of behindOthers(results)) await call.voice.report('WARNING', behindWarning(each));
  return results;
}

async function run(call: ProgramCall): Promise<number> {
  const dryRun = call.options['dry-run'] === true;
  const node = await openThisNode(call, !dryRun);
  const { dataDirectory, nodeName } = node.settings;
  requirePrimary(node.settings);
  const named = targetsNamed(call.positionals, node);
  const timeline = newestTimeline(dataDirectory);
  const history = ancestorsOf(dataDirectory, timeline);
  const archived = await archivedBefore(dataDirectory, timeline);
  const targets = [...named, ...(await alsoClaimed(named, timeline, node, call.stop))];
  const requestOf = (target: Target): ClaimRequest => ({
    timeline,
    nodeName,
    takeOver: call.options['take-over'] === true && named.includes(target),
    // Without a readable history nobody knows what the line is; the first timeline has no parent.
    ...(history.length === 0 && timeline > 1 ? {} : { history, archivedBefore: archived }),
  });
  const act = dryRun ? describeOnly : claim;
  await reportFaults(await act(targets, timeline, requestOf, node, call), call);
  return 0;
}

export const command: Command = {
  name: 'twowarm claim',
  summary: 'Makes archives the property of this primary: from then on no other node can store files there.',
  positionals: [
    {
      name: 'ARCHIVE',
      summary:
        "The name of a destination, or the URL of an archive. Default: this node's own archive and all its destinations.",
      required: false,
      many: true,
      completes: 'destination',
    },
  ],
  options: [
    ...commonOptions,
    { name: 'take-over', summary: 'Take them from another node, which then cannot archive there any more.' },
    { name: 'dry-run', summary: 'Say what would be claimed, and from whom; change nothing.' },
    { name: 'json', summary: 'Print one JSON object.' },
  ],
  notes: [
    'An archive that nobody has claimed takes files from every node of its cluster. triggerStandby claims by itself; after a',
    'promotion by other means (pg_ctl, Patroni) run this on the new primary. What the old primary archived past the fork goes',
    'into quarantine: twowarm conflicts. So do, with --take-over, the histories and segments of newer timelines, which standbys',
    "would follow; and what lies in quarantine of this primary's own line is put back.",
    '',
    "All archives of a node have one epoch: those that are this node's already, and behind, are raised to that of the others.",
    '',
    'At a file: URL this binds programs of twowarm only: whoever can write to the directory can still write to it.',
    '',
  ],
  run,
};
