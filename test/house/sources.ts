// The checkout as the house test reads it: files, what they import, how long they are.
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

export const root = join(import.meta.dirname, '..', '..');

export const read = (path: string): string => readFileSync(join(root, path), 'utf8');

/** Paths from the root, sorted; never installed or built files. */
export function files(pattern: string): string[] {
  return globSync(pattern, {
    cwd: root,
    exclude: (name) => name === 'node_modules' || name === 'dist',
  }).sort();
}

export interface Import {
  from: string;
  /** A path from the root for a file of ours, else the name of the package ('pg', 'node:fs'). */
  to: string;
  isOurs: boolean;
  isTypeOnly: boolean;
  isDynamic: boolean;
}

const statement =
  /^(?:import|export)\s+(type\s)?[^'"`;]*?from\s+'([^']+)'|^import\s+'([^']+)'|import\('([^']+)'\)/gm;

export function importsOf(file: string): Import[] {
  return [...read(file).matchAll(statement)].map(([, type, from, bare, dynamic]) => {
    const specifier = (from ?? bare ?? dynamic)!;
    const isOurs = specifier.startsWith('.');
    const to = isOurs ? normalize(join(dirname(file), specifier)) : specifier;
    return { from: file, to, isOurs, isTypeOnly: type !== undefined, isDynamic: dynamic !== undefined };
  });
}

/** The folder below src/ that a file of ours is in: 'archive', 'transport', 'main'. */
export const roomOf = (file: string): string => file.split('/')[1]!;
