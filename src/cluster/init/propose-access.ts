// Lines for pg_hba.conf: who has to be let in so that twowarm can ask the local server, and standbys stream. Nothing is
// written here: who may come in is a person's to decide.
import { readRoadUrl } from '../../program/road-url.ts';
import type { LocalServer } from '../check/local-server.ts';
import type { PlannedDestination } from './answers.ts';

export interface AccessLine {
  line: string;
  why: string;
}

/** pg_hba.conf takes names in quotes where they are not plain. */
const named = (text: string): string => (/^[a-z_][a-z0-9_]*$/.test(text) ? text : `"${text}"`);

const unresolved = (fault: string): string | undefined => /^getaddrinfo \S+ (\S+)/.exec(fault)?.[1];

/** Why we are not in; a name that does not resolve is no refusal. */
export function whyNotIn(fault: string): string {
  const host = unresolved(fault);
  return host === undefined
    ? `twowarm asks the local server as its own user, and was refused: ${fault}`
    : `twowarm asks the local server as its own user; whether it is let in is not known, because ${host}, the host in node.conninfo, does not resolve here`;
}

export function proposeAccess(
  server: LocalServer,
  user: string,
  streams: boolean,
  destinations: readonly PlannedDestination[],
): AccessLine[] {
  const local: AccessLine[] =
    server.postmaster === undefined || server.letsUsIn || server.isOnItsWay
      ? []
      : [
          {
            line: `local   postgres   ${named(user)}   peer`,
            why: whyNotIn(server.fault ?? 'no reason given'),
          },
        ];
  if (!streams) return local;
  const hosts = destinations.flatMap(({ url }) => {
    const road = readRoadUrl(url);
    return road.kind === 'ssh' ? [road.host] : [];
  });
  const streaming = [...new Set(hosts)].map((host) => ({
    line: `hostssl replication   ${named(user)}   ${host}   scram-sha-256`,
    why: `${host} may stream from this node; an address with its mask, such as 192.0.2.2/32, needs no name service`,
  }));
  return [...local, ...streaming];
}
