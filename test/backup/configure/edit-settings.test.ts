// Lines of configuration files that change, and all the others, which do not.
import { describe, expect, it } from 'vitest';

import {
  editSettings,
  endWithInclude,
  quoteValue,
  withoutForeignIncludes,
} from '../../../src/backup/configure/edit-settings.ts';
import { parseConfiguration } from '../../../src/postgres/parse-configuration.ts';

const set = (text: string, ...pairs: [string, string][]): string =>
  editSettings(text, { set: pairs, drop: [] });

describe('settings in a file', () => {
  it('that are there with their value stay where they are, and the file as it was, to the byte', () => {
    const text = "# head\r\nB = 'x''y' # why\n\na='1'\nbroken line here\n\tend = on";
    expect(set(text, ['a', '1'], ['b', "x'y"])).toBe(text);
  });

  it('that have another value, or are there twice, come once, at the end', () => {
    expect(set('a = 1\nb = 2\nA = 3\n', ['a', '3'])).toBe("b = 2\na = '3'\n");
    expect(set("a = 1\n# a = 2\nb = 'no end", ['a', '9'])).toBe("# a = 2\nb = 'no end\na = '9'\n");
  });

  it('that are dropped go with their lines, and comments of them stay', () => {
    const text = "recovery_target_time = 'x'\n#recovery_target_time = 'y'\nother = 1\n";
    expect(editSettings(text, { set: [], drop: ['recovery_target_time'] })).toBe(
      "#recovery_target_time = 'y'\nother = 1\n",
    );
  });

  it('come back from the parser as they were given: quotes, backslashes, percent signs, letters beyond ASCII', () => {
    const value = `'a b' \\ "c" %% % ümläut ''`;
    const text = set('', ['a', value]);
    expect(parseConfiguration(text).assignments).toEqual([{ name: 'a', value }]);
    expect(set(text, ['a', value])).toBe(text);
    expect(quoteValue("it's \\")).toBe("'it''s \\\\'");
  });

  it('are changed no more by the same edits', () => {
    const edits = { set: [['a', 'x'] as const, ['b', ''] as const], drop: ['c'] };
    const once = editSettings('c = 1\na = 2', edits);
    expect(once).toBe("a = 'x'\nb = ''\n");
    expect(editSettings(once, edits)).toBe(once);
  });
});

describe('the include of the node’s own file', () => {
  const path = "/h/it's/node/postgresql.conf";
  const include =
    "# What differs on this node; written by configStandby.\ninclude_if_exists = '/h/it''s/node/postgresql.conf'\n";

  it('is the last thing that postgresql.conf says, once', () => {
    expect(endWithInclude('a = 1', path)).toBe(`a = 1\n${include}`);
    const done = endWithInclude('a = 1\n', path);
    expect(endWithInclude(done, path)).toBe(done);
    expect(endWithInclude(`${done}# a comment\n`, path)).toBe(`${done}# a comment\n`);
    // What came after it would win.
    expect(endWithInclude(`${done}a = 2\n`, path)).toBe(`a = 1\na = 2\n${include}`);
    expect(endWithInclude(`${done}${done}`, path)).toBe(`a = 1\na = 1\n${include}`);
  });

  it('leaves other includes alone', () => {
    expect(endWithInclude("include_if_exists = '/other'\n", path)).toBe(
      `include_if_exists = '/other'\n${include}`,
    );
  });

  it('of another node goes, where configStandby wrote it there and a base backup brought it', () => {
    const there = '/there/node/postgresql.conf';
    const brought = endWithInclude('port = 1\n', there);
    const ours = endWithInclude(`${brought}a = 1\n`, path);
    expect(withoutForeignIncludes(brought, path)).toBe('port = 1\n');
    expect(withoutForeignIncludes(brought, there)).toBe(brought);
    expect(withoutForeignIncludes(ours, path)).toBe(ours);
    expect(withoutForeignIncludes("include_if_exists = '/other'\n", path)).toBe(
      "include_if_exists = '/other'\n",
    );
  });
});
