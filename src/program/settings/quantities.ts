// Durations and sizes as people write them in PostgreSQL's configuration: a number and a unit, '5s', '16MB'.

const durationUnits: Record<string, number> = { ms: 1, s: 1000, min: 60_000, h: 3_600_000, d: 86_400_000 };
const sizeUnits: Record<string, number> = { B: 1, kB: 1024, MB: 1024 ** 2, GB: 1024 ** 3, TB: 1024 ** 4 };

function parseQuantity(text: string, units: Record<string, number>): number | undefined {
  const match = /^([0-9]{1,9})\s?([A-Za-z]{1,3})$/.exec(text);
  const factor = match === null ? undefined : units[match[2]!];
  return factor === undefined ? undefined : Number(match![1]) * factor;
}

/** '250ms', '5s', '2min', '1h', '7d' in ms; undefined when it is not a duration. */
export function parseDuration(text: string): number | undefined {
  return parseQuantity(text, durationUnits);
}

/** '8kB', '16MB', '1GB' (powers of 1024, as in PostgreSQL) in bytes; undefined when it is not a size. */
export function parseSize(text: string): number | undefined {
  return parseQuantity(text, sizeUnits);
}

/** Room on a disk: a share of it in percent, or a size in bytes. */
export type Space = { percent: number } | { bytes: number };

/** '10%' or '50GB'; undefined when it is neither. */
export function parseSpace(text: string): Space | undefined {
  const share = /^([0-9]{1,3})\s?%$/.exec(text);
  if (share !== null) return Number(share[1]) <= 100 ? { percent: Number(share[1]) } : undefined;
  const bytes = parseSize(text);
  return bytes === undefined ? undefined : { bytes };
}

/** The largest unit that writes the duration as a whole number: 90000 is '90s'. */
export function formatDuration(ms: number): string {
  const unit = ['d', 'h', 'min', 's', 'ms'].find((name) => ms % durationUnits[name]! === 0 && ms > 0) ?? 'ms';
  return `${ms / durationUnits[unit]!}${unit}`;
}

export const durationWords = "a number with a unit (ms, s, min, h, d), such as '5s'";
