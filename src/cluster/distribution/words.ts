// Numbers as distrib2warm says them.

import { megabytes } from '../../program/megabytes.ts';

/** '12.3 MB in 1.2 s (10.3 MB/s)' */
export const paceOf = (bytes: number, ms: number): string =>
  `${megabytes(bytes)} in ${(ms / 1000).toFixed(1)} s (${(bytes / 1e3 / Math.max(ms, 1)).toFixed(1)} MB/s)`;
