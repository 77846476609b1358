// What a node tells an archive and asks of it beyond its files, as messages: what it still needs, what was pruned, and how
// the directory is off.
import { ProgramError } from '../../program/program-error.ts';
import { parseWalFileName } from '../../wal/filename.ts';
import type { Condition } from '../condition.ts';
import { isConsumerId, type Need } from '../consumer-record.ts';
import type { PrunedRange } from '../pruned-ranges.ts';
import type { Message } from './messages.ts';

export const needToJson = (need: Need): object => ({
  verb: 'register',
  id: need.id,
  node: need.node,
  name: need.name,
  kind: need.kind,
  oldest: need.oldest,
  lsn: need.lsn,
  asked: need.asked,
});

/** A name of PostgreSQL's, where there is one. */
function maybeName(message: Message, key: string): string | undefined {
  const name = message.maybeText(key);
  if (name === undefined || parseWalFileName(name) !== undefined) return name;
  throw new ProgramError('protocol', `"${key}" is not the name of a WAL file`);
}

/** A need as that node may register it: nobody writes another one's. */
export function readNeed(message: Message, node: string): Need {
  const id = message.text('id');
  if (!isConsumerId(id) || (id !== node && !id.startsWith(`${node}.`)) || message.text('node') !== node)
    throw new ProgramError('not-allowed', 'a node registers what it needs itself, and nobody else');
  return {
    id,
    node,
    name: message.text('name'),
    kind: message.oneOf('kind', ['standby', 'relay', 'backup', 'restore']),
    oldest: maybeName(message, 'oldest'),
    lsn: message.maybeText('lsn'),
    asked: maybeName(message, 'asked'),
  };
}

export const prunedToJson = (range: PrunedRange): object => ({ reply: 'pruned', ...range });

export const readPruned = (message: Message): PrunedRange => ({
  first: message.walName('first'),
  last: message.walName('last'),
  since: message.text('since'),
  at: message.text('at'),
  node: message.text('node'),
  name: message.text('name'),
  restart: message.text('restart'),
});

export const conditionToJson = ({ freeBytes, totalBytes, writeMs, nowMs }: Condition): object => ({
  reply: 'condition',
  free: freeBytes,
  total: totalBytes,
  write_ms: writeMs,
  now: nowMs,
});

export const readCondition = (message: Message): Condition => ({
  freeBytes: message.count('free'),
  totalBytes: message.count('total'),
  writeMs: message.maybeCount('write_ms'),
  nowMs: message.count('now'),
});
