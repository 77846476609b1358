// A command of PostgreSQL's taken apart: who is called, with which words, and whose exit code counts.
import { describe, expect, it } from 'vitest';
import { readCall, type Call } from '../../src/postgres/command-calls.ts';
import { readCommandLine } from '../../src/postgres/command-line.ts';
import { shell } from '../harness/run.ts';

const names = ['archiveWALFile'];
const callOf = (text: string): Call => {
  const reading = readCall(text, names);
  if (reading.kind !== 'call') throw new Error(`${text} is ${reading.kind}`);
  return reading.call;
};

const plain: Call = {
  program: '/opt/tw/bin/archiveWALFile',
  name: 'archiveWALFile',
  words: ['%p', '%f'],
  environment: {},
  startedBy: undefined,
  hiddenBy: undefined,
  redirected: undefined,
  expanded: undefined,
};

describe('a command that calls our program', () => {
  it.each<[string, Partial<Call>]>([
    ['/opt/tw/bin/archiveWALFile %p %f', {}],
    [`'/opt/my tw/archiveWALFile' "%p" %f`, { program: '/opt/my tw/archiveWALFile' }],
    ['exec /opt/tw/bin/archiveWALFile %p %f # ours', {}],
    ['/opt/tw/bin/twowarm archiveWALFile %p %f', { program: '/opt/tw/bin/twowarm' }],
    [
      'TWOWARM_CONFIG=/c.toml /opt/tw/bin/archiveWALFile %p %f',
      { environment: { TWOWARM_CONFIG: '/c.toml' } },
    ],
    ['/opt/tw/bin/archiveWALFile --config /100%%/c %p %f', { words: ['--config', '/100%/c', '%p', '%f'] }],
    ['timeout 60 /opt/tw/bin/archiveWALFile %p %f', { startedBy: 'timeout' }],
    ['/opt/tw/bin/archiveWALFile %p %f || true', { hiddenBy: '|| true' }],
    ['/opt/tw/bin/archiveWALFile %p %f; true', { hiddenBy: '; true' }],
    ['/opt/tw/bin/archiveWALFile %p %f;exit 0', { hiddenBy: '; exit 0' }],
    ['/opt/tw/bin/archiveWALFile %p %f | logger -t wal', { hiddenBy: '| logger -t wal' }],
    ['/opt/tw/bin/archiveWALFile %p %f &', { hiddenBy: '&' }],
    ['! /opt/tw/bin/archiveWALFile %p %f', { hiddenBy: '!' }],
    ['/opt/tw/bin/archiveWALFile %p %f && touch /done || true', { hiddenBy: '|| true' }],
    ['(/opt/tw/bin/archiveWALFile %p %f) || true', { hiddenBy: '|| true' }],
    ['(/opt/tw/bin/archiveWALFile %p %f) &', { hiddenBy: '&' }],
    ['(/opt/tw/bin/archiveWALFile %p %f)', {}],
    ['test -e /stop || /opt/tw/bin/archiveWALFile %p %f', { hiddenBy: 'test -e /stop ||' }],
    ['test -e /stop && exit 0; /opt/tw/bin/archiveWALFile %p %f', { hiddenBy: 'exit 0' }],
    ['test -e /stop || exit 1; /opt/tw/bin/archiveWALFile %p %f', {}],
    [': /opt/tw/bin/archiveWALFile %p %f', { startedBy: ':', hiddenBy: ':' }],
    ['/bin/true /opt/tw/bin/archiveWALFile %p %f', { startedBy: '/bin/true', hiddenBy: '/bin/true' }],
    // Whoever comes first may refuse, and what follows only comes after a success.
    ['test ! -e /stop && /opt/tw/bin/archiveWALFile %p %f && touch /done', {}],
    ['/opt/tw/bin/archiveWALFile %p %f;', {}],
    ['/opt/tw/bin/archiveWALFile %p %f 2>/dev/null', { redirected: '2> /dev/null' }],
    ['/opt/tw/bin/archiveWALFile %p %f > /dev/null 2>&1', { redirected: '> /dev/null' }],
    ['$HOME/archiveWALFile %p %f', { program: '$HOME/archiveWALFile', expanded: '$HOME/archiveWALFile' }],
    ['"$HOME/archiveWALFile" %p %f', { program: '$HOME/archiveWALFile', expanded: '$HOME/archiveWALFile' }],
    ["'/a$b/archiveWALFile' %p %f", { program: '/a$b/archiveWALFile' }],
  ])('%s', (text, changes) => {
    expect(callOf(text)).toEqual({ ...plain, ...changes });
  });

  it.each([
    ['', 'empty'],
    ['  ', 'empty'],
    ['cp %p /mnt/%f', 'another'],
    ['true', 'keeps-nothing'],
    ['/bin/true', 'keeps-nothing'],
    ['cd /; exit 0', 'keeps-nothing'],
    [':', 'keeps-nothing'],
    ["archiveWALFile '%p %f", 'unreadable'],
    ['# archiveWALFile %p %f', 'keeps-nothing'],
    ['/opt/wrapper-of-archiveWALFile.sh %p %f', 'another'],
  ])('"%s" is %s', (text, kind) => {
    expect(readCall(text, names).kind).toBe(kind);
  });
});

describe('the words of a command line', () => {
  it('are those that sh makes of it', async () => {
    const line = `printf '%s\\n' a 'b c' "d \\"e\\" \\\\ f" g\\ h i''j "k"'l' "m'n" \\' 'o"p'`;
    const pieces = readCommandLine(line)!;
    const words = pieces.map((piece) => ('word' in piece ? piece.word : piece.operator));
    const { stdout } = await shell(line, { user: 'self' });
    expect(words.slice(2)).toEqual(stdout.trimEnd().split('\n'));
    expect(pieces.every((piece) => 'word' in piece && piece.isPlain)).toBe(true);
  });
});
