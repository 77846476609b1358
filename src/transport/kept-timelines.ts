// Whether a timeline of which something is in quarantine is the one of that number on a line: where nobody reserves them, the number
// of a timeline that was abandoned is given to another one. What each claim has put aside lies in a room of its own, so a room tells
// it: by the history that was put aside with the rest, or by the line of whoever made the room.
import { parseWalFileName } from '../wal/filename.ts';
import { parseHistory } from '../wal/history.ts';
import { ancestorsOf, areSameAncestors, type Line } from '../wal/line.ts';
import { historyOfKept } from './compare-conflict.ts';
import type { Conflict } from './conflicts.ts';

export type Sameness = 'same' | 'another' | 'unknown';

/** 'quarantine/00000002-1' */
const roomOf = ({ id }: Conflict): string => id.slice(0, id.lastIndexOf('/'));

export class KeptTimelines {
  private readonly line: Line;
  private readonly signal: AbortSignal;
  /** Of each room, all histories. */
  private readonly histories = new Map<string, Conflict[]>();
  private readonly known = new Map<string, Promise<Sameness>>();

  constructor(conflicts: readonly Conflict[], line: Line, signal: AbortSignal) {
    this.line = line;
    this.signal = signal;
    for (const conflict of conflicts) {
      if (parseWalFileName(conflict.walName)?.kind !== 'history') continue;
      const room = roomOf(conflict);
      this.histories.set(room, [...(this.histories.get(room) ?? []), conflict]);
    }
  }

  /** Whether the conflict's timeline, which is one of the line's by its number, is that one. */
  async isSame(conflict: Conflict, timeline: number): Promise<Sameness> {
    const key = `${roomOf(conflict)}/${timeline}`;
    let known = this.known.get(key);
    if (known === undefined) this.known.set(key, (known = this.find(conflict, timeline)));
    return known;
  }

  private async find(conflict: Conflict, timeline: number): Promise<Sameness> {
    const own = ancestorsOf(this.line, timeline);
    // The first timeline of a cluster there is once only.
    if (own?.length === 0) return 'same';
    if (own === undefined) return 'another';
    const beside = (this.histories.get(roomOf(conflict)) ?? []).filter(
      ({ walName }) => parseWalFileName(walName)!.timeline === timeline,
    );
    if (beside.length > 0)
      return together(await Promise.all(beside.map((each) => this.compare(each, timeline))));
    const { why } = conflict;
    const there = why && ancestorsOf(why, timeline);
    // Of a timeline that was abandoned whoever did so knows nothing.
    if (there === undefined || timeline === why?.timeline) return 'unknown';
    return areSameAncestors(there, own) ? 'same' : 'another';
  }

  private async compare(history: Conflict, timeline: number): Promise<Sameness> {
    const parsed = parseHistory(await historyOfKept(history, this.signal), timeline);
    if (!('entries' in parsed)) return 'unknown';
    return areSameAncestors(parsed.entries, ancestorsOf(this.line, timeline)!) ? 'same' : 'another';
  }
}

/** Histories of one room that do not agree tell nothing. */
const together = ([first, ...more]: readonly Sameness[]): Sameness =>
  first !== undefined && more.every((each) => each === first) ? first : 'unknown';
