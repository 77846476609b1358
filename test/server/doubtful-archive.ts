// An archive that does not say whether it has a segment, on a real server: what is done to it, how that is undone, and
// what restoreWALFile says. WAL gets into it only when a test delivers it.
import {
  chmodSync,
  existsSync,
  linkSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

import { processesIn } from '../harness/processes.ts';
import type { Sandbox } from '../harness/sandbox.ts';
import { withSlowCalls } from '../harness/slow-calls.ts';
import { anotherCluster } from '../harness/wal-files.ts';
import { archiveOf, restoreCommand } from './pair.ts';

export interface Doubt {
  /** As in "the archive …". */
  title: string;
  /** `next` is the segment that will be asked for; it is shipped, and not delivered yet. */
  make: (archive: DoubtfulArchive, next: string) => void;
  undo: (archive: DoubtfulArchive, next: string) => void;
  /** The first line of what is said of `next`; of one that is slow, every name has its own. */
  says: (archive: DoubtfulArchive, next: string) => string;
}

export class DoubtfulArchive {
  /** What the standby reads. */
  readonly source: string;
  /** Where the primary archives. */
  readonly shipped: string;
  /** While it exists, every system call of restoreWALFile on the source takes 3 s. */
  readonly slowly: string;
  readonly sandbox: Sandbox;

  constructor(sandbox: Sandbox) {
    this.sandbox = sandbox;
    this.shipped = sandbox.directory('shipped');
    this.source = sandbox.directory('standby/twowarm/archive');
    this.slowly = join(sandbox.path, 'slowly');
  }

  /** Hands over what was shipped and is not there yet. */
  deliver(): void {
    for (const name of readdirSync(this.shipped)) {
      if (name.startsWith('.') || existsSync(join(this.source, name))) continue;
      linkSync(join(this.shipped, name), join(this.source, name));
    }
  }

  /** Also as a shell command of its own, once %f and %p are replaced. */
  get restoreCommand(): string {
    const calls = ['stat', 'statx', 'newfstatat', 'open', 'openat'];
    const slow = withSlowCalls(restoreCommand(), { calls, delayMs: 3000, path: archiveOf(this.sandbox) });
    return `if [ -e '${this.slowly}' ]; then ${slow}; else exec ${restoreCommand()}; fi`;
  }

  /** Also for the calls that are slow already: what is traced goes on alone when the tracer ends. */
  endSlowness(): void {
    rmSync(this.slowly);
    for (const { pid, command } of processesIn(this.source)) {
      if (command.startsWith('strace ')) process.kill(pid, 'SIGKILL'); // It is deaf to others.
    }
  }

  /** Puts a file of somebody else's there, whole and owned at once. */
  put(name: string, content: string | Uint8Array): void {
    const file = this.sandbox.file('incoming', content);
    this.sandbox.directory(dirname(join('standby/twowarm/archive', name)));
    renameSync(file, join(this.source, name));
  }
}

/** A copy of the segment in which something is wrong. */
const putDamaged =
  (damage: (bytes: Buffer) => Uint8Array) =>
  (archive: DoubtfulArchive, next: string): void =>
    archive.put(next, damage(readFileSync(join(archive.shipped, next))));

const removeIt = ({ source }: DoubtfulArchive, next: string): void => rmSync(join(source, next));

const isNotWhatItSays = ({ source }: DoubtfulArchive, next: string): string =>
  `will not restore ${next} from file:${source}: it is not what its name says`;

export const doubts: readonly Doubt[] = [
  {
    title: 'moved away',
    make: ({ source }) => renameSync(source, `${source}.away`),
    undo: ({ source }) => renameSync(`${source}.away`, source),
    says: ({ source }) => `the archive directory ${source} does not exist`,
  },
  {
    title: 'closed',
    make: ({ source }) => chmodSync(source, 0),
    undo: ({ source }) => chmodSync(source, 0o700),
    says: ({ source }) => `could not read ${source}/.twowarm/format: Permission denied`,
  },
  {
    title: "another cluster's",
    make: (archive) => {
      const owner = { archive: '0123456789abcdef', system_identifier: String(anotherCluster) };
      archive.put('.twowarm/format', 'twowarm archive 1\n');
      archive.put('.twowarm/owner', JSON.stringify(owner));
    },
    undo: ({ source }) => rmSync(join(source, '.twowarm'), { recursive: true }),
    says: ({ source }) => `the archive ${source} belongs to another cluster`,
  },
  {
    title: 'damaged in the header of a page',
    make: putDamaged((bytes) => {
      bytes[8192] = bytes[8192]! ^ 0xff;
      return bytes;
    }),
    undo: removeIt,
    says: isNotWhatItSays,
  },
  {
    title: 'cut short',
    make: putDamaged((bytes) => bytes.subarray(0, 1024 * 1024)),
    undo: removeIt,
    says: isNotWhatItSays,
  },
  {
    title: 'too slow',
    make: ({ slowly }) => writeFileSync(slowly, ''),
    undo: (archive) => archive.endSlowness(),
    says: ({ source }) => ` from file:${source}: no answer within 1s`,
  },
];
