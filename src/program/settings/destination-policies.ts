// What the policies of several destinations must not be together, as problems with the key that each is about. Whether
// a policy can be kept right now is a matter of the call (archive/), not of the configuration.

import type { Lack } from './settings.ts';

interface Policies {
  url?: string;
  accept?: Lack[];
  policy: 'required' | 'fallback' | 'best-effort';
  for?: string[] | undefined;
  limit?: number | undefined;
  hold?: boolean | undefined;
}

const allLacks: Lack[] = ['not-exclusive', 'not-durable'];

/**
 * What the road to a destination may lack. One that is best-effort, and a fallback beside which this node keeps a copy, is
 * never the only one to have a file.
 */
export const mayLack = ({ policy, hold = true, accept }: Policies & { accept: Lack[] }): Lack[] =>
  policy === 'best-effort' || (policy === 'fallback' && hold) ? allLacks : accept;

/** What a road lacks whatever is at its far end, by the scheme of its URL. */
export function lacksOfScheme(url: string): Lack[] {
  return /^sftp:/i.test(url) ? ['not-durable'] : [];
}

/** A road that lacks what it may not is refused before anybody goes there. */
function problemsOfRoad(name: string, { url = '', accept = [], ...rest }: Policies): PolicyProblem[] {
  const allowed = mayLack({ ...rest, accept });
  const all = lacksOfScheme(url);
  const lacking = all.filter((lack) => !allowed.includes(lack));
  if (lacking.length === 0) return [];
  const words = all.map((lack) => `'${lack}'`).join(', ');
  const scheme = url.slice(0, url.indexOf(':')).toLowerCase();
  const message = `is a road that is ${lacking.join(' and ')} (${scheme}:), and policy = '${rest.policy}' rests on it: to do without, write accept = [${words}] in this section, or policy = 'best-effort'`;
  return [{ path: [name, 'url'], message }];
}

interface PolicyProblem {
  /** [<name of the destination>, <key>] */
  path: [string, string];
  /** What follows the key: '"destination.dr.for" …' */
  message: string;
}

const fallbackKeys = ['for', 'limit', 'hold'] as const;

function problemsOfFallback(
  name: string,
  { for: names }: Policies,
  all: Record<string, Policies>,
): PolicyProblem[] {
  const at = (message: string): PolicyProblem => ({ path: [name, 'for'], message });
  if (names === undefined)
    return [at('is missing: it names the required destinations that this fallback stands in for')];
  if (names.length === 0) return [at('must name a required destination that this fallback stands in for')];
  return names.flatMap((each, index) => {
    const other = Object.hasOwn(all, each) ? all[each] : undefined;
    if (other === undefined) return at(`names "${each}", which is no destination`);
    if (names.indexOf(each) !== index) return at(`names "${each}" twice`);
    if (other.policy === 'required') return [];
    const why = each === name ? 'itself' : `"${each}", whose policy is '${other.policy}'`;
    return at(`names ${why}: a fallback stands in for destinations that are 'required'`);
  });
}

/** Every problem; none where each policy has a sense beside the others. */
export function problemsOfPolicies(destinations: Record<string, Policies>): PolicyProblem[] {
  const roads = Object.entries(destinations).flatMap(([name, each]) => problemsOfRoad(name, each));
  const policies = Object.entries(destinations).flatMap(([name, each]): PolicyProblem[] => {
    if (each.policy === 'fallback') return problemsOfFallback(name, each, destinations);
    return fallbackKeys
      .filter((key) => each[key] !== undefined)
      .map((key) => ({ path: [name, key], message: `is only for policy = 'fallback'` }));
  });
  const problems = [...policies, ...roads];
  const [first] = Object.keys(destinations);
  if (
    first === undefined ||
    problems.length > 0 ||
    Object.values(destinations).some(({ policy }) => policy === 'required')
  )
    return problems;
  const message = `must not be '${destinations[first]!.policy}' where no destination is 'required': archive_command would succeed without a copy`;
  return [...problems, { path: [first, 'policy'], message }];
}
