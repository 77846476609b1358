// Every URL of the configuration.
import type { Settings } from '../program/settings/settings.ts';

/** Of the destinations, the sources and the arbiter, in this order; one may be there twice. */
export const configuredUrls = ({ destinations, restore, cluster }: Settings): string[] => [
  ...destinations.map(({ url }) => url),
  ...restore.sources,
  ...(cluster.arbiter === undefined ? [] : [cluster.arbiter]),
];
