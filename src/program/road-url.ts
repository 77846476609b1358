// What a URL of a destination or a source says, without looking at disk or network.

/** Roads that the contract names and this version does not have. */
const notBuilt = ['ssh', 'sftp', 'rsync', 'rsync+ssh', 's3', 'gs', 'azblob'];

/** What cures a URL nobody can use, as the end of a sentence. */
export const roadUrlCure = 'write file: and an absolute directory, such as file:/mnt/db2/archive';

export type Road =
  { kind: 'directory'; directory: string } | { kind: 'not-built'; scheme: string } | { kind: 'unusable' };

/** 'file:/a/b' and 'file:///a/b' are the directory /a/b. */
export function readRoadUrl(url: string): Road {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase();
  if (scheme !== undefined && notBuilt.includes(scheme)) return { kind: 'not-built', scheme };
  // A path is taken as it is written: spaces and percent signs are ordinary characters in a file name.
  const path = scheme === 'file' ? url.slice('file:'.length).replace(/^\/\/(?=\/)/, '') : undefined;
  if (!path?.startsWith('/') || path.startsWith('//')) return { kind: 'unusable' };
  return { kind: 'directory', directory: path.replace(/(?<=.)\/+$/, '') };
}

/** For messages. Up to the last @: people write passwords with / and @ in them as they are. */
export const withoutSecret = (url: string): string => url.replace(/(:\/\/[^/@:]*):.*@/s, '$1:…@');
