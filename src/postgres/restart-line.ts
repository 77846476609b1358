// The line that starts a server again, out of the one that starts it.

/** 'pg_ctlcluster 15 main start' is 'pg_ctlcluster 15 main restart'; undefined where the line has no such word, or two. */
export function restartLine(start: string): string | undefined {
  const words = start.split(' ');
  if (words.filter((word) => word === 'start').length !== 1) return undefined;
  return words.map((word) => (word === 'start' ? 'restart' : word)).join(' ');
}
