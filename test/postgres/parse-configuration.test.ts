import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseBoolean, parseConfiguration } from '../../src/postgres/parse-configuration.ts';
import { settingsText } from '../harness/settings.ts';
import { anyLines, anyValue } from './arbitraries.ts';

const bytes = (text: string): string => Buffer.from(text).toString('latin1');
const parse = (text: string) => parseConfiguration(bytes(text));
/** The one assignment of a text. */
function only(text: string): string {
  const { assignments, problem } = parse(text);
  expect(problem).toBeUndefined();
  return assignments.map(({ name, value }) => `${name}|${value}`).join('\n');
}

describe('a line of a configuration file', () => {
  it.each([
    ['port = 5432', 'port|5432'],
    ['port=5432', 'port|5432'],
    ['port 5432', 'port|5432'],
    ['  port\t=\t5432 \r', 'port|5432'],
    ['PORT = 5432 # comment', 'port|5432'],
    ['port = 5432#comment', 'port|5432'],
    ["port'5432'", 'port|5432'],
    ['hot_standby = on', 'hot_standby|on'],
    ['work_mem = 4MB', 'work_mem|4MB'],
    ['work_mem = +0x1FkB', 'work_mem|+0x1FkB'],
    ['cost = -.5e-3', 'cost|-.5e-3'],
    ['cost = .', 'cost|.'],
    ['path = dir/file-name_1:2', 'path|dir/file-name_1:2'],
    ['My.Option = x', 'my.option|x'],
    ["größe = 'weiß'", 'größe|weiß'],
    ["include 'other.conf'", 'include|other.conf'],
    ["a = ''", 'a|'],
    ["a = 'it''s'", "a|it's"],
    ["a = 'it\\'s'", "a|it's"],
    ["a = '\\\\'", 'a|\\'],
    ["a = '# not a comment' # one", 'a|# not a comment'],
    ["a = '\\b\\f\\n\\r\\t\\x\\8'", 'a|\b\f\n\r\tx8'],
    ["a = '\\101\\60\\0600'", 'a|A000'],
    ["a = '\\303\\251'", 'a|é'],
    ["a = '\\501'", 'a|A'],
    ["a = 'before\\0after'", 'a|before'],
  ])('%j is read as %j', (text, read) => {
    expect(only(text)).toBe(read);
    expect(only(`${text}\n`)).toBe(read);
  });

  it.each([
    ...[
      'port',
      'port =',
      '= 5432',
      'port == 5432',
      'port = 5432 5433',
      'port = 54.32.1',
      'port = 5432; x = 1',
    ],
    ...[
      "a = 'open",
      "a = 'escaped\\'",
      "a = 'x'y'",
      'a-b = 1',
      '5 = 5',
      "'a' = 1",
      'a = "x"',
      'a = $x',
      'a = -',
    ],
    // A dot makes a token of its own, which is no value; a unit after a fraction wants quotes.
    ...['include a.conf', 'mem = 1.5GB', 'x = 1e5', 'a\fb = 1', 'a = \f1'],
  ])('%j is a syntax error', (text) => {
    const problem = { problem: 'syntax error', line: 3 };
    const before = { assignments: [{ name: 'before', value: '1' }], problem };
    expect(parse(`before = 1\n# note\n${text}\nafter = 2\n`)).toEqual(before);
    expect(parse(`before = 1\n# note\n${text}`)).toEqual(before);
  });

  it.each(['', '\n', '#', '# port = 1', ' \t\r\n#port = 1\n\n', '#port = 1\r\n'])(
    '%j says nothing',
    (text) => {
      expect(parse(text)).toEqual({ assignments: [] });
    },
  );

  it('may stand in a file of any length and be wrong in any way: reading ends', () => {
    expect(parse(`a = '${'x'.repeat(1_000_000)}`).problem?.line).toBe(1);
    expect(parse(`${'# a comment\n'.repeat(100_000)}!`).problem?.line).toBe(100_001);
    expect(parse(`a = '${"''".repeat(100_000)}'`).assignments[0]!.value).toHaveLength(100_000);
  });

  it('may have a byte order mark before it, which is a part of the name as in the server', () => {
    expect(only('\uFEFFport = 1')).toBe('\uFEFFport|1');
  });
});

describe('a file of settings', () => {
  it('gives back every value that was quoted, in order', () => {
    const settings = fc.array(anyValue, { maxLength: 5 });
    fc.assert(
      fc.property(settings, (values) => {
        const named = Object.fromEntries(values.map((value, index) => [`name${index}`, value]));
        const { assignments, problem } = parse(settingsText(named));
        expect(problem).toBeUndefined();
        expect(assignments.map(({ value }) => Buffer.from(value))).toEqual(
          values.map((value) => Buffer.from(value)),
        );
      }),
    );
  });

  it('gives the same with comments, blank lines and the ends of lines of another system between', () => {
    fc.assert(
      fc.property(anyLines, (text) => {
        const spaced = `# first\r\n\n${text.replaceAll('\n', ' \r\n\t# between\n')}`;
        expect(parse(spaced).assignments).toEqual(parse(text).assignments);
      }),
    );
  });
});

describe('a Boolean', () => {
  it.each(['on', 'ON', 'On', 'true', 'tru', 'tr', 't', 'TRUE', 'yes', 'ye', 'Y', '1'])(
    '%j is true',
    (text) => {
      expect(parseBoolean(text)).toBe(true);
    },
  );
  it.each(['off', 'OFF', 'of', 'false', 'fals', 'f', 'no', 'N', '0'])('%j is false', (text) => {
    expect(parseBoolean(text)).toBe(false);
  });
  it.each(['', 'o', 'onn', 'offf', 'truely', 'ny', '2', '01', ' on', 'on ', 'enabled'])(
    '%j is none',
    (text) => {
      expect(parseBoolean(text)).toBeUndefined();
    },
  );
});
