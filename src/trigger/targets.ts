// The archives that a change of hands is about: the node's own one and its destinations, how messages name them, and what
// came of something at each.
import type { ThisNode } from '../postgres/this-node.ts';
import type { ProgramError } from '../program/program-error.ts';
import { withoutSecret } from '../program/road-url.ts';

/** An archive to claim. */
export interface Target {
  /** Of the destination; undefined for the node's own archive. */
  destination: string | undefined;
  url: string;
}

/** The node's own archive and every destination; a destination that is the own archive counts once. */
export function targetsOf({ archiveDirectory, destinations }: ThisNode['settings']): Target[] {
  const own: Target = { destination: undefined, url: `file:${archiveDirectory}` };
  const others = destinations.map(({ name, url }) => ({ destination: name, url }));
  return [own, ...others.filter(({ url }) => url !== own.url)];
}

/** 'the destination db2', for messages. */
export const wordsFor = ({ destination, url }: Target): string =>
  destination === undefined ? `the own archive ${withoutSecret(url)}` : `the destination ${destination}`;

/** What came of it at one archive. */
export type At<T> = { target: Target } & (
  { value: T; fault?: undefined } | { value?: undefined; fault: ProgramError }
);
