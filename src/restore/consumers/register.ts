// This node put on record at its sources as one that reads them. Where that cannot be done restoring goes on, and it is
// said once: pruning elsewhere does not know then what this node needs.
import { readSegmentSize } from '../../postgres/control-file.ts';
import type { ThisNode } from '../../postgres/this-node.ts';
import { bounded } from '../../program/bounded.ts';
import type { Voice } from '../../program/command.ts';
import { describeError } from '../../program/print-error.ts';
import { forgetSaid, sayOnce } from '../../program/say-once.ts';
import { consumerId, type ConsumerKind, type Need } from '../../transport/consumer-record.ts';
import { noteNameOf } from '../../transport/known-archives.ts';
import { openSource } from '../../transport/open.ts';
import { readRestartPoint } from '../pruning/prunable.ts';
import { noteRegistered } from './registered.ts';

/** How long it counts as known what was told, in ms; and how soon a source is told again that could not be. */
const noteForMs = 10 * 60_000;
const againAfterMs = 60_000;

/** A source that hangs must not keep a segment from the server that another source has, in ms. */
const limitMs = 2000;

/** What a call tells of itself. */
export interface Reading {
  kind: ConsumerKind;
  /** %r */
  restartFile: string;
  /** The segment that is asked for. */
  asked?: string;
}

/**
 * The need behind a %r: from there on, or from what is asked for, should that be older; undefined where it is no %r that
 * PostgreSQL gives.
 */
export function needOf(reading: Reading, { identity, settings }: ThisNode): Need | undefined {
  const { kind, restartFile, asked } = reading;
  const segmentSize = readSegmentSize(settings.dataDirectory);
  const restart = readRestartPoint(restartFile, segmentSize);
  if (restart === undefined) return undefined;
  const place = asked === undefined ? undefined : readRestartPoint(asked, segmentSize);
  const isOlder = typeof place === 'object' && typeof restart === 'object' && place.number < restart.number;
  const oldest = restart === 'none' ? undefined : isOlder ? asked : restartFile.slice(0, 24);
  const { nodeId } = identity;
  return { id: consumerId(nodeId), node: nodeId, name: settings.nodeName, kind, oldest, asked };
}

/** Tells every source at the same time; `key` is noted so that the next calls need not. */
export async function registerReader(
  reading: Reading,
  node: ThisNode,
  voice: Voice,
  stop: AbortSignal,
  key?: string,
): Promise<void> {
  const need = needOf(reading, node);
  if (need === undefined) return;
  const tell = (url: string): Promise<boolean> => tellSource(url, need, node, voice, stop);
  const told = await Promise.all(node.settings.restore.sources.map(tell));
  const forMs = told.every(Boolean) ? noteForMs : againAfterMs;
  if (key !== undefined) noteRegistered(node.identity.stateDirectory, key, forMs);
}

/** Whether the source knows, or never will. */
async function tellSource(
  url: string,
  need: Need,
  node: ThisNode,
  voice: Voice,
  stop: AbortSignal,
): Promise<boolean> {
  let isOpen = false;
  try {
    return await bounded(`register ${need.name} at ${url}`, limitMs, stop, async (signal) => {
      const source = await openSource(url, node.identity, signal);
      isOpen = true;
      try {
        if (source.registerConsumer === undefined) {
          await say('it keeps no registry of its readers', url, node, voice);
          return true;
        }
        await source.registerConsumer(need, signal);
        forgetSaid(node.identity.stateDirectory, topicOf(url));
        return true;
      } finally {
        await source.close();
      }
    });
  } catch (error) {
    if (stop.aborted) throw error;
    // What is wrong with a source that does not open, the request itself reports.
    if (isOpen) await say(describeError(error).report.message, url, node, voice);
    return false;
  }
}

const topicOf = (url: string): string => `unregistered-${noteNameOf(url)}`;

async function say(reason: string, url: string, node: ThisNode, voice: Voice): Promise<void> {
  const message = `this node is not registered as a reader of ${url}: ${reason}`;
  const report = {
    message,
    detail: 'Restoring goes on, but who prunes that archive does not know what this node still needs.',
    hint: 'Let this node write in its .twowarm/consumers, or prune there only what this node has replayed.',
  };
  const { stateDirectory } = node.identity;
  await sayOnce(stateDirectory, topicOf(url), message, () => voice.report('WARNING', report));
}
