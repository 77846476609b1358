// What is different between two texts, line by line, as diff -u shows it without its frame: '-' is in the first one only, '+'
// in the second.

/** How many equal lines are shown around a change. */
const around = 2;

/** The length of the longest common rest from each pair of lines on. */
function commonRests(a: readonly string[], b: readonly string[]): number[][] {
  const rests = Array.from({ length: a.length + 1 }, () => new Array<number>(b.length + 1).fill(0));
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      rests[i]![j] =
        a[i] === b[j] ? rests[i + 1]![j + 1]! + 1 : Math.max(rests[i + 1]![j]!, rests[i]![j + 1]!);
  return rests;
}

function allLines(a: readonly string[], b: readonly string[]): string[] {
  const rests = commonRests(a, b);
  const lines: string[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      lines.push(` ${a[i]}`);
      [i, j] = [i + 1, j + 1];
    } else if (i < a.length && (j === b.length || rests[i + 1]![j]! >= rests[i]![j + 1]!)) {
      lines.push(`-${a[i++]}`);
    } else {
      lines.push(`+${b[j++]}`);
    }
  }
  return lines;
}

/** The changes with a little around them; '...' stands where equal lines are left out. Empty: the texts are the same. */
export function differenceOf(before: string, after: string): string[] {
  const lines = allLines(before.split('\n'), after.split('\n'));
  const isChange = (line: string | undefined): boolean => line !== undefined && !line.startsWith(' ');
  const isShown = lines.map((_, index) =>
    lines.slice(Math.max(0, index - around), index + around + 1).some(isChange),
  );
  if (!isShown.includes(true)) return [];
  return lines.flatMap((line, index) => {
    if (isShown[index]) return [line];
    return index === 0 || isShown[index - 1] ? ['...'] : [];
  });
}
