// twowarm init at a terminal: a real pseudo terminal, opened by script(1) of util-linux, and a person who types.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { atExit } from '../../harness/cleanup.ts';
import { program } from '../../harness/installation.ts';
import { removeTree } from '../../harness/run-directory.ts';
import { runsAsRoot, serverUser } from '../../harness/server-user.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { makeFresh, type Fresh } from './fresh.ts';

let fresh: Fresh;

beforeAll(() => {
  fresh = makeFresh('init-terminal', 'archive_mode = on\n');
  fresh.sandbox.directory('db2');
});
afterAll(() => fresh[Symbol.asyncDispose]());
beforeEach(() => {
  removeTree(fresh.path('twowarm'));
});

interface Conversation {
  /** Waits until it is asked, after what was answered last, then types. */
  answer(question: string, typed: string): Promise<void>;
  /** All that the terminal has shown, without its control sequences. */
  shown(): string;
  ended(): Promise<number | null>;
}

const plain = (text: string): string => text.replace(/\u001b\[[0-9;?]*[A-Za-z]/g, '').replaceAll('\r', '');

function talk(...words: string[]): Conversation {
  const line = [program('twowarm'), 'init', '-D', fresh.dataDirectory, ...words]
    .map((word) => `'${word}'`)
    .join(' ');
  const { uid, gid } = serverUser();
  // -e: its exit code is that of the program.
  const child = spawn('script', ['-qec', line, '/dev/null'], {
    env: { PATH: '/usr/bin:/bin', TERM: 'xterm', SHELL: '/bin/sh' },
    cwd: '/',
    ...(runsAsRoot() && { uid, gid }),
  });
  const forget = atExit(() => child.kill('SIGKILL'));
  let text = '';
  let seen = 0;
  child.stdout.on('data', (bytes: Buffer) => (text += bytes.toString()));
  const closed = once(child, 'close').then(() => forget());
  return {
    answer: async (question, typed) => {
      await waitFor(`the question "${question}" in:\n${text}`, () => {
        const at = plain(text).indexOf(question, seen);
        if (at < 0) return child.exitCode !== null;
        seen = at + question.length;
        return true;
      });
      // What is typed in the moment in which a question appears is forgotten, and leaves no trace: it is typed again.
      await sleep(60);
      const before = text.length;
      for (let times = 0; text.length === before && child.exitCode === null && times < 5; times++) {
        child.stdin.write(typed);
        await Promise.race([once(child.stdout, 'data'), closed, sleep(4000)]);
      }
    },
    shown: () => plain(text).replaceAll(fresh.sandbox.path, '<>'),
    ended: async () => {
      await closed;
      return child.exitCode;
    },
  };
}

const enter = '\r';

describe('twowarm init at a terminal', () => {
  it('asks what it has to know, with what it proposes, shows what it would make, and makes it', async () => {
    const person = talk();
    await person.answer('What is this node?', enter);
    await person.answer('Name of this node:', `db1${enter}`);
    await person.answer('Name of the node that must have every segment:', `db 2${enter}`);
    await person.answer('It is not a name: use letters, digits, "-" and "_".', `\u0015db2${enter}`);
    await person.answer('Where its archive is:', `file:${fresh.path('db2')}${enter}`);
    await person.answer('Its data directory, for base backups:', enter);
    await person.answer('Name of a further node that must have every segment (empty: none):', enter);
    await person.answer('Name of the DR node (empty: none):', enter);
    await person.answer('Arbiter: an archive all nodes can reach', enter);
    await person.answer('How much may be lost at most (archive_timeout):', `30s${enter}`);
    await person.answer('Make this?', enter);
    expect(await person.ended()).toBe(0);
    const text = readFileSync(join(fresh.path('twowarm'), 'twowarm.toml'), 'utf8');
    const keys = text.split('\n').filter((line) => /^[a-z[]/.test(line) && !line.startsWith('pg_bindir'));
    expect(keys.map((line) => line.replaceAll(fresh.sandbox.path, '<>'))).toEqual([
      '[node]',
      "name = 'db1'",
      "data_directory = '<>/data'",
      '[destination.db2]',
      "url = 'file:<>/db2'",
      "data_directory = '<>/data'",
    ]);
    expect(person.shown()).toContain('== Lines for postgresql.conf');
    expect(person.shown()).toContain('archive_timeout = 30');
  });

  it('makes nothing where the answer is no, and its exit code tells', async () => {
    const person = talk('--role', 'dr', '--name', 'dr', '--destination', 'none', '--arbiter', 'file:/mnt/a');
    await person.answer('How much may be lost', enter);
    await person.answer('Make this?', `n${enter}`);
    expect(await person.ended()).toBe(1);
    expect(existsSync(fresh.path('twowarm'))).toBe(false);
  });

  it.each([
    ['Ctrl-C', '\u0003'],
    ['the end of the input', '\u0004'],
  ])('ends with SIGINT, and makes nothing, where %s is the answer', async (_what, key) => {
    const person = talk('--role', 'dr');
    await person.answer('Name of this node:', key);
    // 128 and the number of the signal: script(1) says it so.
    expect(await person.ended()).toBe(130);
    expect(existsSync(fresh.path('twowarm'))).toBe(false);
    expect(person.shown()).not.toContain('ERROR');
  });

  it('asks nothing with --yes', async () => {
    const person = talk('--yes', '--destination', 'db2=file:' + fresh.path('db2'), '--dry-run');
    expect(await person.ended()).toBe(0);
    expect(person.shown()).not.toContain('?');
  });
});
