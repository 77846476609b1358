// The two forms in which an archive holds a file: plain, under PostgreSQL's own name, or compressed, under that name and
// .zst. One archive may hold both forms, because the setting of a destination can change; both are the same name.
import { basename, dirname, join } from 'node:path';
import { parseWalFileName } from '../wal/filename.ts';

/** A destination's `compression`: what new segments are stored as. */
export type Compression = 'none' | 'zstd';

export type Form = 'plain' | 'zstd';

const suffix = '.zst';

/** Where the compressed form of a file lies, by the path of its plain form. */
export const compressedPath = (path: string): string => path + suffix;

/** The path of a file in a form. */
export const pathInForm = (path: string, form: Form): string => (form === 'plain' ? path : path + suffix);

/** The form that a file of this name is stored in: only segments are ever compressed, whole or partial. */
export function formFor(name: string, compression: Compression): Form {
  const kind = parseWalFileName(name)?.kind;
  return compression === 'zstd' && (kind === 'segment' || kind === 'partial') ? 'zstd' : 'plain';
}

/** The WAL name of a directory's entry in either form; undefined for everything else. */
export function walNameOf(entry: string): string | undefined {
  const name = entry.endsWith(suffix) ? entry.slice(0, -suffix.length) : entry;
  return parseWalFileName(name) === undefined ? undefined : name;
}

/** Where an archive keeps size and SHA-256 of a file that it holds compressed, by the path of its plain form. */
export const contentsPath = (path: string): string =>
  join(dirname(path), '.twowarm', 'contents', basename(path));
