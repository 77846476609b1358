// Whether a Host or a Match line of ssh_config means a host (ssh_config(5), Host, Match, PATTERNS).
import { matchHosts, matchList, matchWildcards } from '../host-pattern.ts';
import type { Place } from '../known-hosts.ts';
import { notSupported, wrongLine } from './config-faults.ts';

/** What is known of the host so far: HostName and User may have been said by earlier lines. */
export interface Matched {
  /** As it is written in the URL; in the final pass the host that it stands for. */
  host: string;
  /** As it is written in the URL. */
  originalHost: string;
  /** HostName if it was said, in lower case, else the host. */
  hostName: string;
  user: string;
  localUser: string;
  isFinalPass: boolean;
}

/** One negated pattern is enough, wherever it stands; capitals count. */
export function matchesHost(patterns: readonly string[], host: string): boolean {
  const matching = patterns.filter((pattern) => matchWildcards(pattern.replace(/^!/, ''), host));
  return matching.length > 0 && !matching.some((pattern) => pattern.startsWith('!'));
}

/** Criteria that would have to be looked up, or that only a session of ssh has. */
const lookedUp = ['exec', 'tagged', 'localnetwork', 'sessiontype', 'command', 'version'];

/**
 * `wantsFinal`: the line asks for the pass after HostName is known. Throws `not-built` for a criterion that decides and
 * that twowarm does not look up, and `settings` for what ssh does not take either.
 */
export function matchesCriteria(
  words: readonly string[],
  matched: Matched,
  at: Place,
): { matches: boolean; wantsFinal: boolean } {
  let [matches, wantsFinal, criteria] = [true, false, 0];
  const rest = [...words];
  while (rest.length > 0) {
    const word = rest.shift()!;
    const isNegated = word.startsWith('!');
    const criterion = word.slice(isNegated ? 1 : 0).toLowerCase();
    if (criterion === 'all') {
      if (criteria > 1 || rest.length > 0) throw wrongLine(at, 'all stands alone', matched.originalHost);
      return { matches: matches && !isNegated, wantsFinal };
    }
    criteria += 1;
    let holds: boolean;
    if (criterion === 'canonical' || criterion === 'final') {
      wantsFinal ||= criterion === 'final';
      holds = matched.isFinalPass;
    } else {
      const argument = rest.shift();
      if (argument === undefined) throw wrongLine(at, `${word} has no argument`, matched.originalHost);
      // What has failed already needs no look-up.
      holds = matches && holdsFor(criterion, argument, matched, at);
    }
    if (holds === isNegated) matches = false;
  }
  return { matches, wantsFinal };
}

function holdsFor(criterion: string, argument: string, matched: Matched, at: Place): boolean {
  const { originalHost, hostName, user, localUser } = matched;
  if (criterion === 'host') return matchHosts(argument, hostName.toLowerCase()) === 'match';
  if (criterion === 'originalhost') return matchHosts(argument, originalHost.toLowerCase()) === 'match';
  if (criterion === 'user') return matchList(argument, user);
  if (criterion === 'localuser') return matchList(argument, localUser);
  if (!lookedUp.includes(criterion)) throw wrongLine(at, `Match knows no "${criterion}"`, originalHost);
  throw notSupported(`Match ${criterion}`, 'twowarm runs nothing to find out', {
    at,
    host: originalHost,
    cure: `Put another criterion before it that leaves ${originalHost} out, such as: Match !originalhost ${originalHost} ${criterion} …`,
  });
}
