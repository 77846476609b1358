// Which PostgreSQL a data directory belongs to, by its file PG_VERSION.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The major version, 9 for 9.6; undefined when the file cannot be read or says something else. */
export function majorVersion(dataDirectory: string): number | undefined {
  try {
    const text = readFileSync(join(dataDirectory, 'PG_VERSION'), 'latin1');
    return /^\d+(?:\.\d+)?\s*$/.test(text) ? Number.parseInt(text, 10) : undefined;
  } catch {
    return undefined;
  }
}
