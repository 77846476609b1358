// The one door to ssh-config: the text of an ssh_config file as lines. It splits keywords, arguments, quotes and comments;
// which lines count for a host is evaluate.ts. The library's own evaluation is not used: it runs commands.
import { LineType, parse, type Line } from 'ssh-config';

export interface ConfigLine {
  /** From 1. */
  line: number;
  /** As it is written, for messages. */
  written: string;
  /** In lower case: keywords are compared without case. */
  keyword: string;
  arguments: readonly string[];
  /** Why the arguments are not known, as the end of "it …"; whoever needs them has to refuse. */
  fault: string | undefined;
}

/** Not within quotes: neither quotes nor backslashes nor comments, which the library reads otherwise than ssh does. */
const bare = String.raw`[^\s"'\\#=][^\s"'\\#]*`;
/** Within double quotes; the library takes space away at both ends. */
const quoted = String.raw`"(?!\s)[^"\\\x00-\x1f\x7f-\x9f]+(?<!\s)"`;
const plain = new RegExp(`^(?:${bare}|${quoted})(?:[ \\t]+(?:${bare}|${quoted}))*(?:[ \\t]+#.*)?$`);

/** Keywords that take several arguments; of them the library makes two at a '='. */
const several = ['host', 'match', 'include', 'userknownhostsfile', 'globalknownhostsfile'];

/** Comments and empty lines are left out. */
export function readLines(text: string): ConfigLine[] {
  return text.split('\n').flatMap((raw, index) => {
    // One by one: to the library a keyword without an argument goes on with the next line, and it counts no lines.
    const found = readLine(raw.replace(/[\s\f]+$/, ''));
    return found === undefined ? [] : [{ line: index + 1, ...found }];
  });
}

function readLine(raw: string): Omit<ConfigLine, 'line'> | undefined {
  if (/^[ \t]*(#|$)/.test(raw)) return undefined;
  const [, written = raw.trim(), rest = ''] = /^[ \t]*([^ \t=]+)[ \t]*=?[ \t]*(.*)$/s.exec(raw) ?? [];
  const keyword = written.toLowerCase();
  const fault = faultOf(keyword, rest);
  return { written, keyword, fault, arguments: fault === undefined ? argumentsOf(keyword, rest) : [] };
}

function faultOf(keyword: string, rest: string): string | undefined {
  if (rest === '') return 'has no argument';
  const isRead = plain.test(rest) && !(several.includes(keyword) && rest.includes('='));
  return isRead
    ? undefined
    : 'has a character that is not supported there: a quote within a word, a backslash, "=" or "#"';
}

/** The arguments of a line that is plain. */
function argumentsOf(keyword: string, rest: string): string[] {
  const isSeveral = several.includes(keyword);
  // The criteria of a Match line are read as if they were patterns: the library knows no negated ones.
  const [line] = parse(`${isSeveral ? 'Host' : 'User'} ${rest}`) as Line[];
  if (line?.type !== LineType.DIRECTIVE) throw new Error(`ssh-config reads no directive in: ${rest}`);
  const { value, quoted: isQuoted } = line;
  if (typeof value !== 'string') return value.map(({ val }) => val);
  return isQuoted === true || isSeveral ? [value] : value.split(/[ \t]+/);
}
