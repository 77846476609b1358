// The nearest of the words that would have been right, for "did you mean".

/** Edits (insert, delete, replace, swap neighbours) between two short words. */
function distance(a: string, b: string): number {
  const row = (n: number) => Array.from({ length: n + 1 }, (_, i) => i);
  let beforeLast: number[] = [];
  let last = row(b.length);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let best = Math.min(last[j]! + 1, next[j - 1]! + 1, last[j - 1]! + cost);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) best = Math.min(best, beforeLast[j - 2]! + 1);
      next.push(best);
    }
    beforeLast = last;
    last = next;
  }
  return last[b.length]!;
}

/** The known word nearest to `wrong`, or undefined when none is near enough to be meant. */
export function didYouMean(wrong: string, known: readonly string[]): string | undefined {
  const ranked = known
    .map((word) => ({ word, edits: distance(wrong.toLowerCase(), word.toLowerCase()) }))
    .sort((a, b) => a.edits - b.edits);
  const nearest = ranked[0];
  return nearest !== undefined && nearest.edits <= Math.max(1, Math.floor(wrong.length / 3))
    ? nearest.word
    : undefined;
}
