// Numbers with units as PostgreSQL's settings take them (parse_int and convert_to_base_unit in guc.c): '5min', 60, '1GB'.

const times: Record<string, number> = { us: 0.001, ms: 1, s: 1000, min: 60_000, h: 3_600_000, d: 86_400_000 };

/** A setting of time in ms, where a bare number counts `unit`; undefined for what is no time. */
export function parseTime(text: string, unit: keyof typeof times): number | undefined {
  const [, number, named] = /^\s*([+-]?\d+(?:\.\d+)?)\s*(us|ms|s|min|h|d)?\s*$/.exec(text) ?? [];
  return number === undefined ? undefined : Number(number) * times[named ?? unit]!;
}
