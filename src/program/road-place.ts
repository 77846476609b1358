// One name for each place that a URL can mean, to find twins: who logs in and which road leads there makes no difference.
// Without a port it is the usual one: what ssh_config makes of a host is not known here.
import type { Road } from './road-url.ts';
import { readRsyncUrl } from './rsync-url.ts';

/** Undefined where a URL has no place that is known here. */
export function placeOf(road: Road): string | undefined {
  if (road.kind === 'directory') return road.directory;
  if (road.kind === 'ssh') return `ssh://[${road.host}]:${road.port ?? 22}${road.directory}`;
  const place = road.kind === 'rsync' ? readRsyncUrl(road.url) : undefined;
  if (place === undefined || 'cure' in place) return undefined;
  const { scheme, host, port, path } = place;
  return scheme === 'rsync'
    ? `rsync://[${host}]:${port ?? 873}${path}`
    : `ssh://[${host.toLowerCase()}]:${port ?? 22}${path}`;
}
