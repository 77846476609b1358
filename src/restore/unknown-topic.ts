// Whether it was said that a file cannot be known: one look, without loading what says it (say-unknown.ts).
import { existsSync } from 'node:fs';
import { join } from 'node:path';

export const unknownTopic = 'unknown';

export const wasUnknownSaid = (stateDirectory: string): boolean =>
  existsSync(join(stateDirectory, 'said', unknownTopic));
