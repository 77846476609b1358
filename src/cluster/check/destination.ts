// A destination as the steps about it name and weigh it.
import { readSuspension } from '../../program/destination-notes.ts';
import { readRoadUrl, withoutSecret } from '../../program/road-url.ts';
import type { Destination } from '../../program/settings/settings.ts';
import type { Scene } from './scene.ts';
import type { Level } from './step.ts';

export const names = ({ node }: Scene): string[] => node.settings.destinations.map(({ name }) => name);

export const urlOf = (scene: Scene, name: string): string => withoutSecret(scene.destination(name).url);

/** How much depends on it: archive_command fails without a required one, unless somebody has suspended it. */
export function weightOf(scene: Scene, name: string): Level {
  const { policy } = scene.destination(name);
  const isSuspended = readSuspension(scene.node.settings.home, name) !== undefined;
  return policy === 'required' && !isSuspended ? 'critical' : 'warning';
}

export const directoryOf = ({ url }: Destination): string | undefined => {
  const road = readRoadUrl(url);
  return road.kind === 'directory' ? road.directory : undefined;
};
