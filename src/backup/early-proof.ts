// The proof that archiving works, begun while the far side answers: a segment takes as long to arrive as a receiver to start.
// Only where archiving is on already, for until the target has been looked at nothing is to change but the end of a segment.
import { readSegmentSize } from '../postgres/control-file.ts';
import { readArchivingState } from '../program/archiving-state.ts';
import { proveArchiving, requireArchiving } from './archiving.ts';
import type { Work } from './copy-to.ts';

export interface EarlyProof {
  /** The segment that has arrived; rejects with `archiving-unproven` where it does not. */
  name: Promise<string>;
  /** Nobody wants it any more. */
  end(): Promise<void>;
}

type Asked = Pick<Work, 'node' | 'chosen' | 'wanted' | 'session' | 'asked' | 'telling' | 'stop'>;

function canBegin({ node, wanted, asked: { facts } }: Asked): boolean {
  if (wanted.dryRun) return false;
  try {
    requireArchiving(facts);
    return readArchivingState(node.settings.home) === 'on';
  } catch {
    // It is said in its turn.
    return false;
  }
}

/** Undefined where it has to wait for its turn. */
export function beginProof(asked: Asked): EarlyProof | undefined {
  if (!canBegin(asked)) return undefined;
  const unwanted = new AbortController();
  const name = proveArchiving({
    ...asked,
    destination: asked.chosen.destination,
    segmentSize: readSegmentSize(asked.asked.dataDirectory),
    limitMs: asked.wanted.waitMs,
    stop: AbortSignal.any([asked.stop, unwanted.signal]),
  });
  // Whoever waits for it hears of it.
  name.catch(() => undefined);
  return {
    name,
    end: async () => {
      unwanted.abort(new Error('nobody wants the proof any more'));
      await Promise.allSettled([name]);
    },
  };
}
