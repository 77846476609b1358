// Numbers as distrib2warm says them.

/** '123.4 MB', in powers of ten, as disks and lines are measured. */
export const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

/** '12.3 MB in 1.2 s (10.3 MB/s)' */
export const paceOf = (bytes: number, ms: number): string =>
  `${megabytes(bytes)} in ${(ms / 1000).toFixed(1)} s (${(bytes / 1e3 / Math.max(ms, 1)).toFixed(1)} MB/s)`;
