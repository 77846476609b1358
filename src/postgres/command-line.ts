// A command of a setting (archive_command) taken apart as sh takes it: words and operators. Only as far as one has to know who
// is called, with which words, and whose exit code counts; nothing is expanded. Pure.

/** `isPlain`: the shell makes nothing else of it. `operator`: ; & && | || < > >> ( ) and the like. */
export type Piece = { word: string; isPlain: boolean } | { operator: string };

const operator = /\d*(?:>>|>&|<&|<<|>\||[<>])|&&|\|\||;;|[;&|()\n]/y;
const blank = /[ \t]+/y;

/** The pieces in their order; undefined where a quote does not end. A comment is left out. */
export function readCommandLine(text: string): Piece[] | undefined {
  const pieces: Piece[] = [];
  let at = 0;
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    const found = pattern.exec(text)?.[0];
    at += found?.length ?? 0;
    return found;
  };
  for (take(blank); at < text.length; take(blank)) {
    if (text[at] === '#') break;
    const found = take(operator);
    if (found !== undefined) {
      pieces.push({ operator: found });
      continue;
    }
    const read = readWord(text, at);
    if (read === undefined) return undefined;
    at = read.end;
    pieces.push({ word: read.word, isPlain: read.isPlain });
  }
  return pieces;
}

const part = /'([^']*)'|"((?:[^"\\]|\\[^])*)"|\\([^])|([^\s'"\\;&|<>()]+)/y;

function readWord(text: string, begin: number): { word: string; isPlain: boolean; end: number } | undefined {
  let [word, isPlain, end] = ['', text[begin] !== '~', begin];
  while (end < text.length && !/[\s;&|<>()]/.test(text[end]!)) {
    part.lastIndex = end;
    const found = part.exec(text);
    if (found === null) return undefined;
    const [whole, single, double, escaped, bare] = found;
    if (/[$`]/.test(bare ?? double?.replace(/\\[^]/g, '') ?? '') || /[*?[]/.test(bare ?? '')) isPlain = false;
    word += single ?? double?.replace(/\\([$`"\\\n])/g, '$1') ?? escaped ?? bare!;
    end += whole.length;
  }
  return { word, isPlain, end };
}
