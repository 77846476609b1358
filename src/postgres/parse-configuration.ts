// PostgreSQL's configuration grammar (src/backend/utils/misc/guc-file.l) for postgresql.conf, postgresql.auto.conf and
// recovery.conf, and its Booleans. Pure: what is read, and what an include directive leads to, is server-settings.ts.

export interface Assignment {
  /** In lower case; also `include`, `include_if_exists` and `include_dir`, which are directives. */
  name: string;
  value: string;
}

export interface ParsedConfiguration {
  /** In the order of the file, up to the first problem. */
  assignments: Assignment[];
  /** With this the server takes nothing of the file: it does not start, or keeps what it had. Lines count from 1. */
  problem?: { problem: string; line: number };
}

const letter = 'A-Za-z_\\x80-\\xff';
const identifier = `[${letter}][${letter}0-9]*`;
const gap = /(?:[ \t\r\n]+|#[^\n]*)*/y;
/** A bare word; flex takes the longest match, and this one covers names and qualified names. */
const word = new RegExp(`[${letter}][${letter}0-9._:/-]*`, 'y');
const wholeName = new RegExp(`^${identifier}(?:\\.${identifier})?$`);
const equals = /[ \t\r]*=?[ \t\r]*/y;
const quoted = /'((?:[^'\\\n\0]|\\[^\n\0]|'')*)'/y;
const number = /[+-]?\d*\.\d*(?:[Ee][+-]?\d+)?|[+-]?(?:0x[\dA-Fa-f]+|\d+)[A-Za-z]*/y;
const ending = /[ \t\r]*(?:#[^\n]*)?(?:\n|$)/y;

const escapes: Record<string, string> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' };

/** What a quoted string means. A NUL ends it, as it does in C. */
function unquote(inner: string): string {
  if (!/['\\]/.test(inner)) return inner;
  const value = inner.replace(/''|\\([0-7]{1,3}|[^])/g, (_, escaped: string | undefined) => {
    if (escaped === undefined) return "'";
    if (/^[0-7]/.test(escaped)) return String.fromCharCode(Number.parseInt(escaped, 8) & 0xff);
    return escapes[escaped] ?? escaped;
  });
  const end = value.indexOf('\0');
  return end < 0 ? value : value.slice(0, end);
}

const decode = (bytes: string): string =>
  /[\x80-\xff]/.test(bytes) ? Buffer.from(bytes, 'latin1').toString() : bytes;

/** Parses a file. One character of `text` is one byte (latin1), because an octal escape names a byte; values are UTF-8. */
export function parseConfiguration(text: string): ParsedConfiguration {
  const assignments: Assignment[] = [];
  let at = 0;
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match === null) return undefined;
    at = pattern.lastIndex;
    return match[1] ?? match[0];
  };
  const takeValue = (): string | undefined => {
    if (text[at] === "'") {
      const inner = take(quoted);
      return inner === undefined ? undefined : unquote(inner);
    }
    const bare = take(word);
    // A qualified name is a token of its own, and no value.
    if (bare !== undefined) return bare.includes('.') && wholeName.test(bare) ? undefined : bare;
    return take(number);
  };
  for (take(gap); at < text.length; take(gap)) {
    const start = at;
    const name = take(word);
    const value = name !== undefined && wholeName.test(name) ? (take(equals), takeValue()) : undefined;
    if (name === undefined || value === undefined || take(ending) === undefined) {
      const line = text.slice(0, start).split('\n').length;
      return { assignments, problem: { problem: 'syntax error', line } };
    }
    assignments.push({ name: decode(name).toLowerCase(), value: decode(value) });
  }
  return { assignments };
}

/** PostgreSQL's parse_bool (src/backend/utils/adt/bool.c); undefined where it refuses the value. */
export function parseBoolean(value: string): boolean | undefined {
  const text = value.toLowerCase();
  if (text === '') return undefined;
  if (text === '1' || text === 'on' || 'true'.startsWith(text) || 'yes'.startsWith(text)) return true;
  // "o" alone could be either.
  if (text === '0' || text === 'of' || text === 'off') return false;
  return 'false'.startsWith(text) || 'no'.startsWith(text) ? false : undefined;
}
