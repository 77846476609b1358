// Files: none dead, none with two ideas' worth of lines, each saying what lives in it; words that have no place in main.
import { describe, expect, it } from 'vitest';
import { files, importsOf, read } from './sources.ts';

const sources = files('src/**/*.ts');
const everything = files('{src,scripts,bench,test}/**/*.ts');

const codeLines = (text: string): number =>
  text.split('\n').filter((line) => line.trim() !== '' && !/^\s*(\/\/|\/?\*)/.test(line)).length;

describe('the files of the house', () => {
  it('are all used: each one is an entry or imported by another', () => {
    const imported = new Set(everything.flatMap(importsOf).map(({ to }) => to));
    const dead = sources.filter((file) => !file.startsWith('src/main/') && !imported.has(file));
    expect(dead).toEqual([]);
  });

  it('are used by the product, not only by tests', () => {
    const imported = new Set(sources.flatMap(importsOf).map(({ to }) => to));
    expect(sources.filter((file) => !file.startsWith('src/main/') && !imported.has(file))).toEqual([]);
  });

  it('have at most 200 lines of code', () => {
    const long = sources.filter((file) => codeLines(read(file)) > 200);
    expect(long).toEqual([]);
  });

  it('open with a comment that says what lives there', () => {
    const bare = sources.filter((file) => !file.startsWith('src/main/') && !read(file).startsWith('// '));
    expect(bare).toEqual([]);
  });

  it('hold no words that mean unfinished work', () => {
    // Put together here, so that this file does not find itself.
    const words = new RegExp(
      ['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X', 'for ' + 'now', 'it\\.' + 'skip', 'test\\.' + 'skip'].join('|'),
    );
    const found = [...everything, ...files('bin/*'), ...files('scripts/*.sh')].filter((file) =>
      words.test(read(file)),
    );
    expect(found).toEqual([]);
  });

  it('say master, slave and xlog only where PostgreSQL does', () => {
    const old = /\b(master|slave|xlog)\b/i;
    const found = sources.flatMap((file) =>
      read(file)
        .split('\n')
        .filter(
          (line) =>
            old.test(line) &&
            !/xlog(archive|recovery|_internal|defs|backup|\.c)|XLOG_|RECOVERYXLOG/i.test(line),
        )
        .map((line) => `${file}: ${line.trim()}`),
    );
    expect(found).toEqual([]);
  });
});
