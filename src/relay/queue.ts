// What is to be carried to one destination, in the order in which it goes. A key is the name of a WAL file,
// '<name>.gap' for a gap record, '<segment>.partial.<sha256>' for another promotion's partial segment.

/** Histories first, as PostgreSQL archives them (pgarch.c): who has one knows which segments of its parents count. */
const rank = (key: string): string => `${isHistory(key) ? 0 : 1}${key}`;

export const isHistory = (key: string): boolean => key.endsWith('.history');

/** Oldest first. */
export const byAge = (one: string, other: string): number => (rank(one) < rank(other) ? -1 : 1);

export class Queue {
  private readonly keys: string[] = [];

  get length(): number {
    return this.keys.length;
  }

  first(): string | undefined {
    return this.keys[0];
  }

  all(): readonly string[] {
    return this.keys;
  }

  shift(): string | undefined {
    return this.keys.shift();
  }

  /** Nothing happens when it is there; most keys are newer than all others. */
  add(key: string): void {
    let [low, high] = [0, this.keys.length];
    while (low < high) {
      // From the end: an arrival usually belongs there.
      const middle = high === this.keys.length && low === 0 ? high - 1 : (low + high) >> 1;
      if (rank(this.keys[middle]!) < rank(key)) low = middle + 1;
      else high = middle;
    }
    if (this.keys[low] !== key) this.keys.splice(low, 0, key);
  }
}
