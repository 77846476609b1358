// What the property tests of configuration files draw from: anything, and lines that are nearly right.
import fc from 'fast-check';

/** Pieces of which lines are glued together, with or without space; most lines come out wrong somewhere. */
const pieces = [
  ...['twowarm', 'Mixed_Case', 'x.y', 'a.b.c', 'größe', 'f00', '_', 'on', 'a-b', 'dir/file.conf', 'c:', 'q.'],
  ...['=', '==', ' ', '\t', '  ', '\r', '\f', ' = ', '#', '# note', ';', '"', ','],
  ...['1', '-5', '+7MB', '0x1F', '0x', '10.5', '.5e-3', '.', '1e5', '1.5kB', '-', '2-3', '007'],
  ...["''", "'plain'", "'it''s'", "'a\\'b'", "'\\\\'", "'\\b\\f\\n\\r\\t'", "'\\101\\60x'", "'\\303\\251'"],
  ...[
    "'\\8\\x\\q'",
    "'\\0end'",
    "'\\400'",
    "'open",
    "'back\\'",
    "'a''",
    '\\',
    "'# no comment'",
    "'tab\there'",
  ],
];

const word = fc.constantFrom(...pieces);
const value = fc.string({ unit: fc.constantFrom(..."ab'\\01 7#=tnx\té\u20ac"), maxLength: 8 });

const glued = fc.array(word, { maxLength: 5 }).map((words) => words.join(''));
const spaced = fc.array(word, { minLength: 1, maxLength: 4 }).map((words) => words.join(' '));
const assigned = fc.tuple(word, word).map(([name, text]) => `${name} = ${text}`);
const likely = fc
  .tuple(fc.constantFrom('x.y', 'twowarm'), value)
  .map(([name, text]) => `${name} = '${text}'`);

/** Some lines of a configuration file, each with its end. */
export const anyLines = fc
  .array(fc.oneof(glued, spaced, assigned, likely), { minLength: 1, maxLength: 3 })
  .map((lines) => lines.map((line) => `${line}\n`).join(''));

/** A value of a setting: any text that a C string can hold on one line of a file. */
export const anyValue = fc
  .string({ unit: 'binary', maxLength: 40 })
  .map((text) => text.replaceAll(/[\0\n]/g, ' '));
