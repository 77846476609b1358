// The newest timeline that a data directory knows of. pg_control has a new one only after the next checkpoint, or restart point; its
// history is there from the promotion on.
import { readDatabaseState } from './database-state.ts';
import { newestKept } from './kept-histories.ts';

/** Of a server that runs or not; a `data-directory` error where it cannot be read. */
export const newestTimeline = (dataDirectory: string): number =>
  Math.max(readDatabaseState(dataDirectory).timeline, newestKept(dataDirectory));
