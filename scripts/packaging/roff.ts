// The few words of man(7) that our pages are made of. Everything that is not a macro goes through escape(), so that a
// hyphen stays one that can be copied, and no text is taken for a request.

/** What groff would set as a typographic character, or read as its own. */
const escapes: Readonly<Record<string, string>> = {
  '\\': '\\(rs',
  '-': '\\-',
  "'": '\\(aq',
  '"': '\\(dq',
  '`': '\\(ga',
  '^': '\\(ha',
  '~': '\\(ti',
};

/** Text for the middle of a line. */
export const escape = (text: string): string =>
  text
    .replaceAll(/[\\\-'"`^~]/g, (character) => escapes[character]!)
    .replaceAll(
      /[^\n\x20-\x7e]/gu,
      (character) => `\\[u${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}]`,
    );

/** A line that is text although it begins with a dot. */
const asText = (line: string): string => (/^[.']/.test(line) ? `\\&${line}` : line);

/** Lines of at most about 80 bytes: roff fills them anyway, and people read the source, too. */
function wrapped(text: string): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + word.length >= 79) {
      lines.push(line);
      line = '';
    }
    line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line].map(asText).join('\n');
}

/** A paragraph's text, its white space folded. */
export const prose = (text: string): string => wrapped(escape(text.trim().replaceAll(/\s+/g, ' ')));

export const bold = (text: string): string => `\\fB${escape(text)}\\fR`;
export const italic = (text: string): string => `\\fI${escape(text)}\\fR`;

/** A heading begins a paragraph by itself. */
export const section = (title: string, ...[first = '', ...parts]: readonly string[]): string =>
  [`.SH ${quote(title)}`, first.replace(/^\.PP\n/, ''), ...parts].join('\n');
export const subsection = (title: string): string => `.SS ${quote(title)}`;
export const paragraph = (text: string): string => `.PP\n${prose(text)}`;

/** A word and what it means; `head` is escaped already. */
export const tagged = (head: string, meaning: string): string => `.TP\n${asText(head)}\n${prose(meaning)}`;

/** Lines that stay as they are. */
export const literal = (lines: readonly string[]): string =>
  ['.PP', '.in +4n', '.nf', ...lines.map((line) => asText(escape(line))), '.fi', '.in'].join('\n');

/** An argument of a macro. */
const quote = (text: string): string => `"${escape(text)}"`;

/** No date in the head: the same sources give the same bytes. */
export const page = (
  { name, section: number, version }: { name: string; section: number; version: string },
  ...parts: readonly string[]
): string =>
  `${[
    '.\\" Generated from the declarations in src/.',
    `.TH ${quote(name)} ${number} "" ${quote(`twowarm ${version}`)} "twowarm"`,
    // No word is parted, or archive_command would be.
    '.nh',
    '.ad l',
    ...parts,
  ].join('\n')}\n`;

/** References to other pages in a row, as SEE ALSO has them. */
export const references = (pages: readonly (readonly [name: string, section: number])[]): string =>
  pages
    .map(([name, number], index) => `.BR ${escape(name)} (${number})${index < pages.length - 1 ? ',' : ''}`)
    .join('\n');
