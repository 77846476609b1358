// repmgr.conf as key and value: PostgreSQL's grammar since repmgr 5.2, before that values may also stand bare with blanks in
// them, so that this reads both. Pure.

export interface RepmgrSetting {
  key: string;
  value: string;
  line: number;
}

/** Up to its end quote, doubled quotes resolved; else up to a comment. */
function valueOf(text: string): string {
  const quoted = /^'((?:[^']|'')*)'/.exec(text)?.[1];
  if (quoted !== undefined) return quoted.replaceAll("''", "'");
  const double = /^"([^"]*)"/.exec(text)?.[1];
  return double ?? text.replace(/\s#.*$|^#.*$/, '').trim();
}

/** Every setting in the order of the file; lines that are none, by their number. */
export function readRepmgrConf(text: string): { settings: RepmgrSetting[]; unread: number[] } {
  const settings: RepmgrSetting[] = [];
  const unread: number[] = [];
  text.split(/\r?\n/).forEach((whole, index) => {
    const line = whole.trim();
    if (line === '' || line.startsWith('#')) return;
    const [, key, value] = /^([A-Za-z_][A-Za-z0-9_]*)\s*(?:=\s*|\s+)(.*)$/s.exec(line) ?? [];
    if (key === undefined || value === undefined) unread.push(index + 1);
    else settings.push({ key: key.toLowerCase(), value: valueOf(value), line: index + 1 });
  });
  return { settings, unread };
}
