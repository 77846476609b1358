// The files in a data directory by which pg_ctl promote and pg_promote() tell the startup process. It looks at them only
// after a failed read.
import { majorVersion } from './version.ts';

/**
 * PROMOTE_SIGNAL_FILE, and up to 12 FALLBACK_PROMOTE_SIGNAL_FILE (xlog.c): from 13 on nobody removes one of the second
 * name, and it says nothing.
 */
export const promoteFileNames = (dataDirectory: string): string[] =>
  (majorVersion(dataDirectory) ?? 13) < 13 ? ['promote', 'fallback_promote'] : ['promote'];
