// Amounts of bytes as people read them.

/** '123.4 MB', in powers of ten, as disks and lines are measured. */
export const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
