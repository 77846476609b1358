// Which machines an installation is copied to: every login that the configuration has a road to, each once, by the name
// of its destination.
import { ProgramError } from '../../program/program-error.ts';
import { readRoadUrl, withoutSecret } from '../../program/road-url.ts';
import { didYouMean } from '../../program/settings/did-you-mean.ts';
import type { Settings } from '../../program/settings/settings.ts';
import { readSshUrl, type SshRoad } from '../../program/ssh-url.ts';
import { configuredUrls } from '../configured-urls.ts';

export interface FarNode {
  /** The name of its destination, else its host. */
  name: string;
  road: SshRoad;
  /** Directories of archives there that the configuration names. */
  archives: readonly string[];
}

/** An sftp: or rsync+ssh: URL says that twowarm is not installed over there, and perhaps cannot be. */
function loginOf(url: string): SshRoad | undefined {
  const road = readRoadUrl(url);
  return road.kind === 'ssh' && road.isSftp !== true ? road : undefined;
}

const keyOf = ({ user, host, port }: SshRoad): string => `${user ?? ''}@[${host}]:${port}`;

function merge(found: readonly FarNode[]): FarNode[] {
  const nodes = new Map<string, FarNode>();
  for (const node of found) {
    const before = nodes.get(keyOf(node.road));
    const archives = [...new Set([...(before?.archives ?? []), ...node.archives])];
    nodes.set(keyOf(node.road), { ...(before ?? node), archives });
  }
  return [...nodes.values()];
}

/** All that the configuration has a login for: destinations first, then sources and the arbiter. */
export function configuredNodes(settings: Settings): FarNode[] {
  // The destinations are the first of them.
  const all = configuredUrls(settings).flatMap((url, index) => {
    const road = loginOf(url);
    const name = settings.destinations[index]?.name;
    return road === undefined ? [] : [{ name: name ?? road.host, road, archives: [road.directory] }];
  });
  return merge(all);
}

/** 'ssh://user@host:port', with or without a directory. */
function byUrl(word: string): FarNode {
  const hasPath = /^ssh:\/\/[^/]*\/./i.test(word);
  const road = readSshUrl(hasPath ? word : `${word.replace(/\/$/, '')}/-`);
  if (road.kind === 'unusable') {
    throw new ProgramError('usage', `cannot use the URL "${withoutSecret(word)}"`, {
      hint: 'Write ssh://user@host:port.',
    });
  }
  return { name: road.host, road, archives: hasPath ? [road.directory] : [] };
}

/** The nodes that the words name: destinations, hosts or ssh: URLs; all of the configuration where there are none. */
export function chooseNodes(words: readonly string[], settings: Settings): FarNode[] {
  const all = configuredNodes(settings);
  if (words.length === 0 && all.length === 0) {
    throw new ProgramError('settings', 'there is no other node to distribute to', {
      detail: `No URL in ${settings.configurationFile} has a login on another machine.`,
      hint: 'Name a node: distrib2warm ssh://user@host:port',
    });
  }
  if (words.length === 0) return all;
  const chosen = words.map((word) => {
    if (word.includes('://')) return byUrl(word);
    const node = all.find(({ name }) => name === word) ?? all.find(({ road }) => road.host === word);
    if (node !== undefined) return node;
    const meant = didYouMean(
      word,
      all.map(({ name }) => name),
    );
    throw new ProgramError(
      'usage',
      `there is no node "${word}"${meant === undefined ? '' : `; did you mean "${meant}"?`}`,
      {
        detail: `Nodes with a login are ${all.map(({ name }) => name).join(', ') || 'none'}.`,
        hint: 'A node is a destination whose URL has a host, or ssh://user@host:port.',
      },
    );
  });
  // A URL of a node that is configured is that node.
  return merge(chosen.map((node) => all.find(({ road }) => keyOf(road) === keyOf(node.road)) ?? node));
}

/** 'postgres@db2:22', with the user and the port that the URL names. */
export const loginWords = ({ road: { user, host, port } }: FarNode): string =>
  `${user === undefined ? '' : `${user}@`}${host.includes(':') ? `[${host}]` : host}${port === undefined ? '' : `:${port}`}`;
