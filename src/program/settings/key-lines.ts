// Which line of a TOML file a key stands on, so that an error can name it. The TOML parser has already accepted the
// text when this looks at it; it only has to find keys again, not to judge them.

interface Lines {
  /** 'destination.db2.url' and 'destination.db2' (the table's own line) to a line number from 1. */
  of: (path: string) => number | undefined;
}

const tableLine = /^\s*\[{1,2}\s*([^\]]+?)\s*\]{1,2}/;
const keyLine =
  /^\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*=\s*(.*)$/;

const plainPath = (dotted: string): string =>
  dotted
    .split('.')
    .map((part) => part.trim().replace(/^(["'])(.*)\1$/, '$2'))
    .join('.');

/** How many brackets and multi-line strings a value leaves open at the end of a line. */
function opened(value: string, until: string | undefined): string | undefined {
  if (until !== undefined && until !== ']') return value.includes(until) ? undefined : until;
  for (const quotes of ['"""', "'''"]) {
    if (value.startsWith(quotes) && !value.slice(3).includes(quotes)) return quotes;
  }
  if (until === ']' || value.startsWith('[')) return /\]\s*(#.*)?$/.test(value) ? undefined : ']';
  return undefined;
}

/** Finds the lines of all keys of a valid TOML text. */
export function locateKeys(toml: string): Lines {
  const lines = new Map<string, number>();
  /** Tables that only stand in front of others ([a.b] alone names a) are where they first turn up. */
  const note = (path: string, line: number): void => {
    for (let dot = path.indexOf('.'); dot >= 0; dot = path.indexOf('.', dot + 1)) {
      if (!lines.has(path.slice(0, dot))) lines.set(path.slice(0, dot), line);
    }
    lines.set(path, line);
  };
  let table = '';
  let until: string | undefined;
  toml.split(/\r?\n/).forEach((line, index) => {
    if (until !== undefined) {
      until = opened(line, until);
      return;
    }
    const key = keyLine.exec(line);
    const header = key === null ? tableLine.exec(line) : null;
    if (header !== null) {
      table = plainPath(header[1]!);
      note(table, index + 1);
    } else if (key !== null) {
      const path = plainPath(key[1]!);
      note(table === '' ? path : `${table}.${path}`, index + 1);
      until = opened(key[2]!, undefined);
    }
  });
  return { of: (path) => lines.get(path) };
}
