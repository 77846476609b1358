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
import { requireOwner } from '../transport/fenced.ts';
import type { Claim, Ownership } from '../transport/ownership.ts';
import { claimEach, lookAtEach, targetsOf, type At, type Target } from './claim-archives.ts';
import { ancestorsOf, newestTimeline } from './fork.ts';

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

const at = ({ timeline, epoch, at: since }: Claim): string =>
  `timeline ${timeline}, epoch ${epoch}, since ${since}`;

const from = (previous: Claim | undefined, nodeId: string): string =>
  previous === undefined || previous.node === nodeId
    ? ''
    : `, from node ${previous.nodeName} (${previous.node})`;

function describe(url: string, outcome: ClaimOutcome, { identity, settings }: ThisNode): string {
  const { claim, previous, quarantined } = outcome;
  const line =
    outcome.outcome === 'claimed'
      ? `claimed ${url} for node ${settings.nodeName}: ${at(claim)}${from(previous, identity.nodeId)}`
      : `${url} is this node's already: ${at(claim)}`;
  if (quarantined.length === 0) return `${line}\n`;
  const span = `${quarantined[0]} to ${quarantined.at(-1)}`;
  return `${line}\nin quarantine there, past the forks of timeline ${claim.timeline}: ${span}, files: ${quarantined.length}\n`;
}

function toJson(url: string, { outcome, claim, previous, quarantined }: ClaimOutcome): object {
  return { url, outcome, ...claim, previous: previous ?? null, quarantined };
}

/** Every fault but the first, which ends the call. */
async function reportFaults(results: readonly At<unknown>[], call: ProgramCall): Promise<void> {
  const faults = results.flatMap(({ fault }) => fault ?? []);
  for (const fault of faults.slice(1)) await call.voice.report('ERROR', describeError(fault).report);
  if (faults[0] !== undefined) throw faults[0];
}

/** What a claim would do; the fault that it would end with is thrown. */
async function describeOnly(
  targets: readonly Target[],
  { timeline, takeOver }: ClaimRequest,
  node: ThisNode,
  call: ProgramCall,
): Promise<void> {
  const looks = await lookAtEach(targets, node, call.stop);
  const judged = looks.map((look): At<Ownership> => {
    if (look.fault !== undefined || takeOver || look.value.standing !== 'theirs') return look;
    try {
      requireOwner(look.value, 'claim', look.target.url);
    } catch (error) {
      return { target: look.target, fault: error as ProgramError };
    }
    return look;
  });
  const would = judged.flatMap(({ target, value }) => {
    if (value === undefined) return [];
    const { claim, standing } = value;
    const isSame = standing === 'ours' && claim?.timeline === timeline;
    return [{ url: target.url, outcome: isSame ? 'already-claimed' : 'claimed', claim: claim ?? null }];
  });
  if (call.options['json'] === true)
    call.voice.answer(`${JSON.stringify({ timeline, dryRun: true, archives: would })}\n`);
  else for (const each of would) call.voice.answer(wouldLine(each, timeline, node));
  await reportFaults(judged, call);
}

function wouldLine(
  { url, outcome, claim }: { url: string; outcome: string; claim: Claim | null },
  timeline: number,
  { identity }: ThisNode,
): string {
  if (outcome === 'already-claimed') return `${url} is this node's already: ${at(claim!)}\n`;
  return `would claim ${url} for timeline ${timeline}${from(claim ?? undefined, identity.nodeId)}\n`;
}

async function run(call: ProgramCall): Promise<number> {
  const dryRun = call.options['dry-run'] === true;
  const node = await openThisNode(call, !dryRun);
  requirePrimary(node.settings);
  const targets = targetsNamed(call.positionals, node);
  const timeline = newestTimeline(node.settings.dataDirectory);
  const history = ancestorsOf(node.settings.dataDirectory, timeline);
  const request: ClaimRequest = {
    timeline,
    nodeName: node.settings.nodeName,
    takeOver: call.options['take-over'] === true,
    ...(history.length === 0 ? {} : { history }),
  };
  if (dryRun) {
    await describeOnly(targets, request, node, call);
    return 0;
  }
  const results = await claimEach(targets, request, node, call.stop);
  const claimed = results.flatMap(({ target, value }) => (value === undefined ? [] : [{ ...target, value }]));
  if (call.options['json'] === true) {
    const archives = claimed.map(({ url, value }) => toJson(url, value));
    call.voice.answer(`${JSON.stringify({ timeline, dryRun: false, archives })}\n`);
  } else for (const { url, value } of claimed) call.voice.answer(describe(url, value, node));
  for (const { url, value } of claimed)
    await call.voice.event(`claimed ${url}`, { outcome: value.outcome, epoch: value.claim.epoch });
  await reportFaults(results, call);
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
    'into quarantine: twowarm conflicts.',
    '',
    'At a file: URL this binds programs of twowarm only: whoever can write to the directory can still write to it.',
    '',
  ],
  run,
};
