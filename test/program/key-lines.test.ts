import fc from 'fast-check';
import { parse } from 'smol-toml';
import { describe, expect, it } from 'vitest';
import { locateKeys } from '../../src/program/settings/key-lines.ts';

/** The lines of the paths in a text, which TOML must accept: the lines of anything else mean nothing. */
function linesOf(toml: string, ...paths: string[]): (number | undefined)[] {
  parse(toml);
  const lines = locateKeys(toml);
  return paths.map(lines.of);
}

describe('the line of a key', () => {
  it('counts from 1, with comments and empty lines', () => {
    expect(linesOf("# first\n\n[node] # here\n\n  name = 'x' # and here\n", 'node', 'node.name')).toEqual([
      3, 5,
    ]);
  });

  it('is found in a file with the line ends of Windows', () => {
    expect(linesOf("[node]\r\nname = 'x'\r\n", 'node', 'node.name')).toEqual([1, 2]);
  });

  it('is known of tables within tables, and of the tables around them', () => {
    const toml = "[destination.db2]\nurl = 'a'\n\n[destination.dr]\nurl = 'b'\n";
    const paths = ['destination', 'destination.db2', 'destination.db2.url', 'destination.dr.url'];
    expect(linesOf(toml, ...paths)).toEqual([1, 1, 2, 5]);
  });

  it('is that of the table itself where it comes after the tables in it', () => {
    const toml = '[a.b]\nx = 1\n[a]\ny = 1\n';
    expect(linesOf(toml, 'a', 'a.b', 'a.y')).toEqual([3, 1, 4]);
  });

  it('is known of dotted keys, with spaces around the dots too', () => {
    const toml = "node.name = 'x'\nnode . data_directory = '/d'\n[a]\nb.c.d = 1\n";
    const paths = ['node', 'node.name', 'node.data_directory', 'a.b', 'a.b.c.d'];
    expect(linesOf(toml, ...paths)).toEqual([1, 1, 2, 4, 4]);
  });

  it('is known of quoted keys and tables', () => {
    const toml = `['node']\n"name" = 'x'\n'data directory' = 1\n[destination."db 2"]\nurl = 'x'\n[ spaced . 'out' ]\nx = 1\n`;
    const paths = ['node', 'node.name', 'node.data directory', 'destination.db 2.url', 'spaced.out.x'];
    expect(linesOf(toml, ...paths)).toEqual([1, 2, 3, 5, 7]);
  });

  it.each([
    ['an array', "sources = [\n  'key = 1',\n  # name = 2\n  'b',\n]"],
    ['an array of arrays', "sources = [\n  ['a',\n  'b'],\n  ['c']\n]"],
    ['a string', 'sources = """\nname = "x"\n[node]\n"""'],
    ['a string as it is written', "sources = '''\nname = 'x'\n[other]\n'''"],
  ])('is not taken from within %s of several lines', (_, value) => {
    const toml = `[restore]\n${value}\nname = 'after'\n`;
    const line = toml.split('\n').indexOf("name = 'after'") + 1;
    expect(linesOf(toml, 'restore.sources', 'restore.name', 'restore.other', 'node')).toEqual([
      2,
      line,
      undefined,
      undefined,
    ]);
  });

  it('follows an array that ends on its line', () => {
    const toml = "a = ['x', 'y'] # ]\nb = [ ]\nc = [[1], [2]]\nd = '''x'''\ne = \"\"\"y\"\"\"\nf = 1\n";
    expect(linesOf(toml, 'a', 'b', 'c', 'd', 'e', 'f')).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('is unknown where there is no such key', () => {
    expect(linesOf("[node]\nname = 'x'\n", 'nodes', 'node.nam', 'name', '')).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });
});

const bareKey = fc.stringMatching(/^[a-z][a-z0-9_-]{0,8}$/);
const quotedKey = fc.stringMatching(/^[a-z][a-z0-9 #=-]{0,8}$/).map((key) => `"${key}"`);
const value = fc.constantFrom(
  '1',
  "'text'",
  "'a # b'",
  "['a', 'b']",
  "[\n  'a', # ]\n  'x = 1'\n]",
  '"""\nx = 1\n[y]\n"""',
  "'''\n'''",
  '{ inline = 1 }',
  'true # [comment]',
);
const table = fc.record({
  name: fc.array(bareKey, { minLength: 1, maxLength: 3 }),
  keys: fc.uniqueArray(fc.tuple(fc.oneof(bareKey, quotedKey), value), {
    maxLength: 6,
    selector: ([key]) => key.replaceAll('"', ''),
  }),
  blank: fc.nat(2),
});

describe('the lines of any file', () => {
  it('are those on which the keys were written', () => {
    // A counter in front keeps table names apart.
    const tables = fc.array(table, { maxLength: 5 });
    fc.assert(
      fc.property(tables, (all) => {
        const lines: string[] = [];
        const expected: [string, number][] = [];
        for (const [index, { name, keys, blank }] of all.entries()) {
          const path = [`t${index}`, ...name].join('.');
          lines.push(...Array.from({ length: blank }, () => '# comment'), `[${path}]`);
          expected.push([path, lines.length]);
          for (const [key, text] of keys) {
            expected.push([`${path}.${key.replaceAll('"', '')}`, lines.length + 1]);
            lines.push(...`${key} = ${text}`.split('\n'));
          }
        }
        const toml = `${lines.join('\n')}\n`;
        const paths = expected.map(([path]) => path);
        expect(linesOf(toml, ...paths)).toEqual(expected.map(([, line]) => line));
      }),
    );
  });
});
