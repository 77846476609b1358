// What rsync says of each file, one line each, by an output format of our own (rsync(1), --itemize-changes).

/** For --out-format. */
export const outFormat = '%i|%l|%n';

export interface Change {
  /** 'same': nothing would change; 'other': the content would; 'new': it is not there on the receiving side. */
  state: 'same' | 'other' | 'new';
  isFile: boolean;
  /** Of the sending side's file. */
  sizeBytes: number;
}

const changePattern = /^([<>ch.])([fdLDS])(.{9})\|(\d+)\|(.*)$/;
const skippedPattern = /^skipping non-regular file "(.*)"$/;

/** By name, a directory's without its slash. What is neither file nor directory is there with `isFile` false. */
export function readChanges(stdout: string): Map<string, Change> {
  const changes = new Map<string, Change>();
  for (const line of stdout.split('\n')) {
    const skipped = skippedPattern.exec(line)?.[1];
    if (skipped !== undefined) changes.set(skipped, { state: 'new', isFile: false, sizeBytes: 0 });
    const [, update, type, attributes, size, name] = changePattern.exec(line) ?? [];
    if (name === undefined) continue;
    const state = update === '.' ? 'same' : attributes!.startsWith('+') ? 'new' : 'other';
    changes.set(name.replace(/(?<=.)\/$/, ''), { state, isFile: type === 'f', sizeBytes: Number(size) });
  }
  return changes;
}
