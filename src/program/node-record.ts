// Who this node is: <home>/state/node.json with a random id bound to the machine, the data directory and the system
// identifier it serves. Made by the first call; a home that serves another cluster is refused from then on.
import { readFileSync } from 'node:fs';
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
    if (isRecord(value)) return value;
  } catch {
    // Falls through to the refusal: a damaged record is not a missing one.
  }
  throw new ProgramError('unsafe-state', `the node's record ${path} is damaged`, {
    hint: `Move it away if this home belongs to the cluster in its configuration; the next call makes a new one.`,
  });
}

async function newRecord(facts: Omit<NodeRecord, 'id' | 'machine'>): Promise<NodeRecord> {
  const { randomBytes } = await import('node:crypto');
  return { id: randomBytes(8).toString('hex'), machine: machineId(), ...facts };
}

const toText = (record: NodeRecord): string => `${JSON.stringify(record, null, 2)}\n`;

/**
 * The node's record, made durably on first use. A `wrong-cluster` error when the home serves another system
 * identifier; a new id when the home was copied from another machine.
 */
export async function establishNode(
  home: string,
  dataDirectory: string,
  systemIdentifier: string,
): Promise<NodeRecord> {
  removeAbandoned(stateDirectory(home));
  const facts = { dataDirectory, systemIdentifier };
  const found = readNodeRecord(home);
  if (found === undefined) {
    ensureDirectory(stateDirectory(home));
    const made = await newRecord(facts);
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
  const machine = machineId();
  if (found.machine === machine && found.dataDirectory === dataDirectory) return found;
  const id = found.machine === machine ? found.id : (await newRecord(facts)).id;
  const renewed = { id, machine, ...facts };
  replaceSmallFile(recordPath(home), toText(renewed), id);
  return renewed;
}
