// twowarm consumers list: who needs what of each archive, as a command for monitoring: 0 is OK, 1 WARNING, 2 CRITICAL,
// 3 UNKNOWN. Reads only.
import type { ThisNode } from '../../postgres/this-node.ts';
import { bounded } from '../../program/bounded.ts';
import type { ProgramCall } from '../../program/command.ts';
import { describeError, printable } from '../../program/print-error.ts';
import type { Consumer } from '../../transport/consumer-record.ts';
import { listConsumers, type Unreadable } from '../../transport/consumers.ts';
import { freePercent, roomOf } from '../../transport/room.ts';
import { describeNeed, findingsOf, type ArchiveState, type Finding } from './findings.ts';
import { openArchives, type Opened } from './own-archives.ts';

/** The worst of them is the answer (as the guidelines of the Monitoring Plugins rank them). */
const codes = { OK: 0, UNKNOWN: 3, WARNING: 1, CRITICAL: 2 } as const;
type Status = keyof typeof codes;
const ranked = Object.keys(codes) as Status[];

/** An archive as it was found. */
type Seen = { url: string } & ((ArchiveState & { findings: Finding[] }) | { fault: string });

async function look(opened: Opened, node: ThisNode, stop: AbortSignal): Promise<Seen> {
  const { url } = opened;
  if ('fault' in opened) return { url, fault: describeError(opened.fault).report.message };
  const { directory } = opened.road;
  const limitMs = node.settings.restore.timeLimitMs;
  const read = async (): Promise<ArchiveState> => {
    const [consumers, room] = await Promise.all([
      listConsumers(directory, node.identity.nodeId),
      roomOf(directory),
    ]);
    return { url, consumers, room };
  };
  try {
    const state = await bounded(`read the consumers of ${url}`, limitMs, stop, read);
    return { ...state, findings: findingsOf(state, node.settings.consumers, Date.now()) };
  } catch (error) {
    stop.throwIfAborted();
    return { url, fault: describeError(error).report.message };
  }
}

const wordsOf = (seen: Seen): { level: Status; words: string }[] =>
  'fault' in seen ? [{ level: 'UNKNOWN', words: seen.fault }] : seen.findings;

function line(consumer: Consumer | Unreadable): string {
  if ('fault' in consumer) return `  ${printable(consumer.id)}  cannot be read\n`;
  const { id, kind, name, seen, since } = consumer;
  return `  ${id}  ${kind} ${printable(name)}, needs ${describeNeed(consumer)}; seen ${seen}, registered ${since}\n`;
}

function describe(seen: Seen): string {
  if ('fault' in seen) return '';
  const head = `${seen.url}: ${freePercent(seen.room)} % of its disk is free\n`;
  const lines = seen.consumers.map(line).join('');
  return head + (lines === '' ? '  nobody is registered\n' : lines);
}

function toJson(seen: Seen): object {
  if ('fault' in seen) return seen;
  const { url, room, consumers, findings } = seen;
  return {
    ...{ url, ...room },
    consumers: consumers.map((consumer) => {
      if ('fault' in consumer)
        return { id: consumer.id, fault: describeError(consumer.fault).report.message };
      const { oldest = null, lsn = null, ...rest } = consumer;
      const timeline = oldest === null ? null : Number.parseInt(oldest.slice(0, 8), 16);
      return { ...rest, timeline, oldest, lsn };
    }),
    findings: findings.map(({ level, words }) => ({ level, words })),
  };
}

/** Prints what there is and what is wrong with it; the exit code. */
export async function listAll(node: ThisNode, call: ProgramCall): Promise<number> {
  const { options, stop, voice } = call;
  const archives = await openArchives(node, call);
  const seen = await Promise.all(archives.map((opened) => look(opened, node, stop)));
  for (const opened of archives) if ('road' in opened) await opened.road.close();
  const none = { level: 'UNKNOWN' as const, words: 'no archive of this node is a directory here' };
  const all = seen.length === 0 ? [none] : seen.flatMap(wordsOf);
  const status = ranked.findLast((each) => all.some(({ level }) => level === each)) ?? 'OK';
  if (options['json'] === true) {
    voice.answer(`${JSON.stringify({ status, archives: seen.map(toJson) })}\n`);
    return codes[status];
  }
  const worstFirst = ranked.toReversed().flatMap((each) => all.filter(({ level }) => level === each));
  const lines = worstFirst.map(({ level, words }) => `${level}: ${printable(words)}\n`);
  const count = seen.reduce((sum, each) => sum + ('fault' in each ? 0 : each.consumers.length), 0);
  const fine = `OK: ${count === 0 ? 'nobody is registered' : `${count === 1 ? '1 consumer' : `${count} consumers`}, and each has come back`}\n`;
  voice.answer((lines.length === 0 ? fine : lines.join('')) + seen.map(describe).join(''));
  return codes[status];
}
