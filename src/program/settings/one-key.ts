// One key of the configuration by itself, as its declaration has it: what is said of it, and what is wrong with a value. For
// whoever writes a configuration.
import { keyWords } from './key-parts.ts';
import { sections } from './keys.ts';

type Schema = Parameters<typeof keyWords.get>[0];

/** 'node', 'destination': every table of [destination.<name>] has the same keys. */
export type SectionName = keyof typeof sections;

function schemaOf(section: SectionName, key: string): Schema {
  const schema = (sections[section].shape as Record<string, Schema | undefined>)[key];
  if (schema === undefined) throw new Error(`there is no key ${section}.${key}`);
  return schema;
}

/** What the documentation says of the key. */
export function summaryOf(section: SectionName, key: string): string {
  return keyWords.get(schemaOf(section, key))?.summary ?? '';
}

/** What is wrong with a value, as the end of "it …"; undefined: nothing. */
export function problemOfValue(section: SectionName, key: string, value: unknown): string | undefined {
  const result = schemaOf(section, key)['~standard'].validate(value);
  if (result instanceof Promise) throw new Error(`the check of ${section}.${key} takes time`);
  const issue = result.issues?.[0];
  if (issue === undefined) return undefined;
  const choices = 'values' in issue ? (issue.values as unknown[]).join(', ') : undefined;
  return choices === undefined ? issue.message : `must be one of ${choices}`;
}
