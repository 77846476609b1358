// What configSetup says of ssh: URLs: where each leads, and how this node logs in there.
import type { Settings } from '../program/settings/settings.ts';
import { describeWay, type LoginInForce, type WayInForce } from '../transport/ssh/config/describe-way.ts';
import { configuredUrls } from './configured-urls.ts';

/** Each ssh: URL of the configuration once: destinations, sources, the arbiter. */
export async function sshWays(settings: Settings): Promise<WayInForce[]> {
  const ways: WayInForce[] = [];
  for (const url of new Set(configuredUrls(settings))) {
    const way = await describeWay(url, settings.ssh);
    if (way !== undefined) ways.push(way);
  }
  return ways;
}

/** As comments under the settings. */
export const wayLines = (ways: readonly WayInForce[]): string =>
  ways
    .flatMap((way) =>
      'fault' in way ? [`${way.url}: ${way.fault}`] : [`${way.url}:`, ...way.logins.flatMap(loginLines)],
    )
    .map((line) => `# ${line}\n`)
    .join('');

function loginLines(
  { name, host, port, user, keys, agent, knownHosts }: LoginInForce,
  at: number,
  all: readonly unknown[],
): string[] {
  const role = at < all.length - 1 ? `over the jump host ${name}` : `at ${name}`;
  const values = [
    ['host', host.value, host.origin],
    ['port', port.value, port.origin],
    ['user', user.value, user.origin],
    ...keys.map(({ value, origin }) => ['key', value, origin]),
    ['agent', agent.value ?? 'none', agent.origin],
    ['known hosts', knownHosts.value.join(' ') || 'none', knownHosts.origin],
  ];
  return [`  ${role}`, ...values.map(([what, value, origin]) => `    ${what} ${value} (${origin})`)];
}
