// The declared keys of the configuration, as the documents and the man page name them.
import type { z } from 'zod';
import { keyWords, type KeyWords } from '../src/program/settings/key-parts.ts';

export interface DeclaredKey {
  name: string;
  words: KeyWords;
}

/** The keys of a section of the configuration, with what is said of each. */
export function keysOf(section: z.ZodObject): DeclaredKey[] {
  return Object.entries(section.shape).map(([name, schema]) => {
    const words = keyWords.get(schema as z.ZodType);
    if (words === undefined) throw new Error(`the key ${name} has no words in src/program/settings/keys.ts`);
    return { name, words };
  });
}

/** '[node]', '[destination.<name>]' */
export const heading = (section: string): string =>
  section === 'destination' ? '[destination.<name>]' : `[${section}]`;
