// What a URL of a destination or a source says, without looking at disk or network.
import { noPassword, readSshUrl, type SshRoad, type UnusableRoad } from './ssh-url.ts';

/** Roads that the contract names and this version does not have. */
const notBuilt = ['s3', 'gs', 'azblob'];

/** What cures a URL nobody can use, as the end of a sentence. */
export const roadUrlCure =
  'write file: and an absolute directory, such as file:/mnt/db2/archive, or ssh://user@host:port and one there';

/** What follows the scheme is read by readRsyncUrl. */
interface RsyncRoad {
  kind: 'rsync';
  url: string;
}

export type Road =
  | { kind: 'directory'; directory: string }
  | SshRoad
  | RsyncRoad
  | { kind: 'not-built'; scheme: string }
  | UnusableRoad;

/** 'file:/a/b' and 'file:///a/b' are the directory /a/b; 'ssh://db2/a/b' is that of another host. */
export function readRoadUrl(url: string): Road {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase();
  if (scheme !== undefined && notBuilt.includes(scheme)) return { kind: 'not-built', scheme };
  if (scheme === 'rsync' || scheme === 'rsync+ssh') return { kind: 'rsync', url };
  if (scheme === 'ssh' || scheme === 'sftp') {
    const road = readSshUrl(url);
    return road.kind === 'unusable' && withoutSecret(url) !== url ? noPassword : road;
  }
  // A path is taken as it is written: spaces and percent signs are ordinary characters in a file name.
  const path = scheme === 'file' ? url.slice('file:'.length).replace(/^\/\/(?=\/)/, '') : undefined;
  // What is far has such paths within a process (far-files.ts).
  if (!path?.startsWith('/') || path.startsWith('//') || path.startsWith('/far:'))
    return { kind: 'unusable', cure: roadUrlCure };
  return { kind: 'directory', directory: path.replace(/(?<=.)\/+$/, '') };
}

/** For messages. Up to the last @: people write passwords with / and @ in them as they are. */
export const withoutSecret = (url: string): string =>
  url.replace(/(:\/\/(?!\[[0-9a-f:.]*\](?::\d*)?\/)[^/@:]*):.*@/is, '$1:…@');
