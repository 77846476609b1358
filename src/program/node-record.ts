// Who this node is: <home>/state/node.json with a random id bound to the machine, the home and the system identifier it
// serves. Made by the first call; a home that serves another cluster is refused from then on. A copy of a home is another
// node: it must not pass for the owner of an archive.
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf, fromSystemError, ProgramError } from './program-error.ts';
import { createSmallFile, ensureDirectory, replaceSmallFile } from './small-file.ts';
import { removeAbandoned } from './temporary-name.ts';

export interface NodeRecord {
  /** 16 hexadecimal digits; no dots, because it is part of temporary names. */
  id: string;
  /** /etc/machine-id where the id was made; a home copied to another machine gets a new id. */
  machine: string;
  dataDirectory: string;
  systemIdentifier: string;
  /**
   * The inode of <home>/state: a directory that was moved keeps it, a copy has another one. Not the device, whose number
   * may change with the next start of the machine. Undefined in a record of a version that did not know it.
   */
  stateInode: string | undefined;
}

export const stateDirectory = (home: string): string => join(home, 'state');
const recordPath = (home: string): string => join(stateDirectory(home), 'node.json');

function machineId(): string {
  try {
    return readFileSync('/etc/machine-id', 'latin1').trim();
  } catch {
    return 'none';
  }
}

const isRecord = (value: unknown): value is NodeRecord =>
  typeof value === 'object' &&
  value !== null &&
  ['id', 'machine', 'dataDirectory', 'systemIdentifier'].every(
    (key) => typeof (value as Record<string, unknown>)[key] === 'string',
  ) &&
  /^[0-9a-f]{16}$/.test((value as NodeRecord).id);

/** The record as it stands; undefined when no call has made it yet. */
export function readNodeRecord(home: string): NodeRecord | undefined {
  const path = recordPath(home);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw fromSystemError(error, `could not read the node's record ${path}`);
  }
  try {
    const value: unknown = JSON.parse(text);
    if (isRecord(value)) return { ...value, stateInode: value.stateInode };
  } catch {
    // Falls through to the refusal: a damaged record is not a missing one.
  }
  throw new ProgramError('unsafe-state', `the node's record ${path} is damaged`, {
    hint: `Move it away if this home belongs to the cluster in its configuration; the next call makes a new one.`,
  });
}

/** As text: inodes of some file systems have more digits than a number keeps. */
function stateInodeOf(home: string): string {
  try {
    return statSync(stateDirectory(home), { bigint: true }).ino.toString();
  } catch (error) {
    throw fromSystemError(error, `could not look at ${stateDirectory(home)}`);
  }
}

/** Whether the record was made in another home, or on another machine, and came here in a copy. */
export function isCopied({ machine, stateInode }: NodeRecord, home: string): boolean {
  return machine !== machineId() || (stateInode !== undefined && stateInode !== stateInodeOf(home));
}

async function newRecord(facts: Omit<NodeRecord, 'id'>): Promise<NodeRecord> {
  const { randomBytes } = await import('node:crypto');
  return { id: randomBytes(8).toString('hex'), ...facts };
}

const toText = (record: NodeRecord): string => `${JSON.stringify(record, null, 2)}\n`;

/**
 * The node's record, made durably on first use. A `wrong-cluster` error when the home serves another system
 * identifier; a new id when the home is a copy.
 */
export async function establishNode(
  home: string,
  dataDirectory: string,
  systemIdentifier: string,
): Promise<NodeRecord> {
  removeAbandoned(stateDirectory(home));
  const found = readNodeRecord(home);
  if (found === undefined) {
    ensureDirectory(stateDirectory(home));
    const made = await newRecord(factsOf(home, dataDirectory, systemIdentifier));
    return createSmallFile(recordPath(home), toText(made), made.id)
      ? made
      : establishNode(home, dataDirectory, systemIdentifier);
  }
  if (found.systemIdentifier !== systemIdentifier) {
    throw new ProgramError('wrong-cluster', `the home ${home} belongs to another cluster`, {
      detail: `It serves system identifier ${found.systemIdentifier}; ${dataDirectory} has ${systemIdentifier}.`,
      hint: `Give this cluster a home of its own. If it replaces the other one for good, move ${recordPath(home)} away.`,
    });
  }
  const copied = isCopied(found, home);
  if (!copied && found.dataDirectory === dataDirectory && found.stateInode !== undefined) return found;
  const facts = factsOf(home, dataDirectory, systemIdentifier);
  const renewed = copied ? await newRecord(facts) : { id: found.id, ...facts };
  writeIfPossible(home, renewed);
  return renewed;
}

/** A home that is full or read-only must not stop archiving: the next call renews the record, a copy's with another id. */
function writeIfPossible(home: string, record: NodeRecord): void {
  try {
    replaceSmallFile(recordPath(home), toText(record), record.id);
  } catch (error) {
    if (!(error instanceof ProgramError)) throw error;
  }
}

const factsOf = (home: string, dataDirectory: string, systemIdentifier: string) => ({
  machine: machineId(),
  dataDirectory,
  systemIdentifier,
  stateInode: stateInodeOf(home),
});
