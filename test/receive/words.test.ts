// The forms in which a receiver is started for every connection are read without the parser: they mean what they mean to it.
import { describe, expect, it } from 'vitest';
import { parseArguments } from '../../src/program/arguments.ts';
import type { ReadWords } from '../../src/program/command.ts';
import { command } from '../../src/receive/command.ts';
import { readReceiverWords } from '../../src/receive/options.ts';

/** Without what was not given. */
const given = ({ positionals, options }: ReadWords): ReadWords => ({
  positionals,
  options: Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined && value !== false),
  ),
});

describe('the words of a receiver', () => {
  it.each([
    [['--directory', '/srv/archive']],
    [['--directory', '/srv/archive', '--allow-read']],
    [['--data-directory', '/srv/data']],
    [['--data-directory', '/srv/data', '--allow', '/']],
    [['--data-directory', '/srv/data', '--allow', '/srv/space:/mnt/wal']],
    [['--data-directory', "/srv/it's one/--allow", '--allow', '/a b:']],
  ])('are read at once as the parser reads them: %j', async (words) => {
    const parsed = await parseArguments(command, words);
    expect(given(readReceiverWords(words)!)).toEqual(given(parsed as ReadWords));
  });

  it.each([
    [[]],
    [['--directory']],
    [['--directory', 'archive']],
    [['--directory', '/srv/archive', '--allow', '/']],
    [['--directory', '/srv/archive', '--allow-read', '/']],
    [['--data-directory', 'data']],
    [['--data-directory', '/srv/data', '--allow']],
    [['--data-directory', '/srv/data', '--allow', 'space']],
    [['--data-directory', '/srv/data', '--allow-read']],
    [['--data-directory', '/srv/data', '--authorized-keys-line']],
    [['--data-directory', '/srv/data', '--allow', '/a', '--allow', '/b']],
    [['--data-directory', '/srv/data', '--allow', '/a', '--authorized-keys-line', '/srv/key.pub']],
    [['--data-directory=/srv/data']],
    [['--help', '/srv/data']],
  ])('are for the parser in any other form: %j', (words) => {
    expect(readReceiverWords(words)).toBeUndefined();
  });
});
