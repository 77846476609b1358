// archiveWALFile's command line: what PostgreSQL gives it, what people get wrong in archive_command, what it answers.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { installation, program } from '../harness/installation.ts';
import { commandLine, makeNode, refused, silent, type NodeFixture } from '../harness/node-fixture.ts';
import { inTurn } from '../harness/share.ts';
import { historyText, segmentBytes, segmentNamed } from '../harness/wal-files.ts';

const name = segmentNamed(0x21);
let node: NodeFixture;
beforeAll(async () => {
  node = await makeNode('archive-arguments');
  node.segment(name);
});
afterAll(() => node[Symbol.asyncDispose]());

const error = (...lines: string[]): string => `archiveWALFile: ERROR:  ${lines.join('\n')}\n`;
const usageHint = 'HINT:  Usage: archiveWALFile [OPTION]... %p %f; see archiveWALFile --help.';

describe('a file name that PostgreSQL does not archive', () => {
  const wrong = [
    ['lower case', name.toLowerCase().replace('21', 'ab')],
    ['one digit short', name.slice(1)],
    ['one digit more', `${name}0`],
    ['timeline 0', `00000000${name.slice(8)}`],
    ['out of the directory', '../x'],
    ['a path', `pg_wal/${name}`],
    ['a temporary file of the server', 'xlogtemp.123'],
    ['compressed', `${name}.gz`],
    ['a placeholder that was not replaced', '%f'],
    ['a marker', `${name}.ready`],
    ['a space at the end', `${name} `],
  ] as const;

  inTurn(2).each(wrong)('is refused: %s', async (_, fileName) => {
    node.sandbox.file('data/pg_wal/any', segmentBytes(name));
    const outcome = await node.archive('pg_wal/any', fileName);
    const message = error(`"${fileName}" is not the name of a file that PostgreSQL archives`);
    expect(outcome).toEqual(refused(10, message));
  });

  it('cannot forge a line of the server’s log', async () => {
    const forged = `${name}\nLOG:  database system is ready\u001b[31m`;
    const message = error(
      `"${name}\\x0aLOG:  database system is ready\\x1b[31m" is not the name of a file that PostgreSQL archives`,
    );
    expect(await node.archive(`pg_wal/${forged}`, forged)).toEqual(refused(10, message));
  });

  it('is refused when it is not that of the path', async () => {
    const other = segmentNamed(0x22);
    const message = error(
      `the path "pg_wal/${name}" does not end in the file name "${other}"`,
      'HINT:  The arguments are %p and %f, in this order.',
    );
    expect(await node.archive(`pg_wal/${name}`, other)).toEqual(refused(10, message));
  });

  it('is refused with a hint when %p and %f are swapped', async () => {
    const message = error(
      `"pg_wal/${name}" is not the name of a file that PostgreSQL archives`,
      'HINT:  Are %p and %f swapped? The order is %p %f.',
    );
    expect(await node.archive(name, `pg_wal/${name}`)).toEqual(refused(10, message));
  });
});

describe('a wrong number of arguments', () => {
  const path = `pg_wal/${name}`;
  inTurn(2).each([
    ['none', [], 'missing argument %p'],
    ['one', [path], 'missing argument %f'],
    ['three', [path, name, 'x'], 'too many arguments, the first is "x"'],
    ['an empty %p', ['', name], 'argument %p is empty'],
    ['an empty %f', [path, ''], 'argument %f is empty'],
    ['two empty ones', ['', ''], 'argument %p is empty'],
  ])('is refused: %s', async (_, words, message) => {
    expect(await node.archive(...words)).toEqual(refused(2, error(message, usageHint)));
  });
});

describe('an option', () => {
  const request = [`pg_wal/${name}`, name] as const;
  inTurn(2).each([
    [['--dryrun'], 'unknown option "--dryrun"; did you mean "--dry-run"?'],
    [['--helpp'], 'unknown option "--helpp"; did you mean "--help"?'],
    [['--frobnicate'], 'unknown option "--frobnicate"'],
    [['--no-dry-run'], 'unknown option "--no-dry-run"; did you mean "--dry-run"?'],
    [['-x'], 'unknown option "-x"'],
    [['--config'], 'Not enough arguments following: config'],
  ])('that is not known is refused: %j', async (options, message) => {
    const words = options[0] === '--config' ? [...request, ...options] : [...options, ...request];
    expect(await node.archive(...words)).toEqual(refused(2, error(message, usageHint)));
  });

  it('-- ends the options', async () => {
    const message = error(
      `the path "--config" does not end in the file name "${name}"`,
      'HINT:  The arguments are %p and %f, in this order.',
    );
    expect(await node.archive('--', '--config', name)).toEqual(refused(10, message));
  });

  it('--config names another configuration, -D another data directory', async () => {
    const moved = node.sandbox.file('else/other.toml', configuration());
    const own = segmentNamed(0x23);
    node.segment(own);
    const line = commandLine('archiveWALFile', '--config', moved, '-D', node.dataDirectory, '--', own, own);
    const outcome = await node.sh(line, { cwd: node.path('data/pg_wal') });
    expect(outcome).toEqual(silent([`created db2/${own}`]));
  });

  it('-D of something else is refused', async () => {
    const message = error(
      `"${node.home}" is not a data directory of PostgreSQL`,
      'DETAIL:  It has no file PG_VERSION.',
    );
    expect(await node.archive('-D', node.home, ...request)).toEqual(refused(5, message));
  });

  const configuration = (): string =>
    `[node]\ndata_directory = '${node.dataDirectory}'\n[destination.db2]\nurl = 'file:${node.path('db2')}'\n`;
});

describe('--dry-run', () => {
  inTurn(2).each([
    ['would be stored', segmentNamed(0x61), (): void => undefined],
    ['is stored', segmentNamed(0x62), (file: string): void => void node.segment(file, {}, 'db2')],
  ])('says that the file %s, and changes nothing', async (words, file, prepare) => {
    node.segment(file);
    prepare(file);
    const outcome = await node.archive('--dry-run', `pg_wal/${file}`, file);
    expect(outcome).toEqual({ ...silent(), stdout: `${file} ${words} at file:${node.path('db2')}\n` });
  });

  it('refuses what would be refused', async () => {
    const file = '00000005.history';
    node.sandbox.file(`data/pg_wal/${file}`, historyText('0/500000'));
    node.sandbox.file(`db2/${file}`, historyText('0/600000'));
    const outcome = await node.archive('--dry-run', `pg_wal/${file}`, file);
    const message = error(`${file} exists at file:${node.path('db2')} with different content`);
    expect(outcome).toEqual(refused(14, message));
  });

  it('as the first call of all notes nothing, whoever the archive belongs to', async () => {
    await using fresh = await makeNode('archive-dry', { used: false });
    fresh.segment(name);
    const stdout = `${name} would be stored at file:${fresh.path('db2')}\n`;
    expect(await fresh.archive('--dry-run', `pg_wal/${name}`, name)).toEqual({ ...silent(), stdout });

    await using used = await makeNode('archive-dry');
    used.segment(name);
    const toml = `[node]\ndata_directory = '${used.dataDirectory}'\n[destination.db2]\nurl = 'file:${used.path('db2')}'\n`;
    used.sandbox.file('fresh/twowarm.toml', toml);
    const line = commandLine('archiveWALFile', '--dry-run', `pg_wal/${name}`, name);
    const env = { TWOWARM_HOME: used.path('fresh') };
    const said = { ...silent(), stdout: `${name} would be stored at file:${used.path('db2')}\n` };
    expect(await used.sh(line, { env })).toEqual(said);
  });
});

describe('--help and --version', () => {
  inTurn(2).each(['--help', '-?'])(
    '%s says how to use it, and the line for postgresql.conf',
    async (option) => {
      const { code, stdout, stderr, changed } = await node.archive(option);
      expect({ code, stderr, changed }).toEqual({ code: 0, stderr: '', changed: [] });
      expect(stdout.split('\n').slice(0, 3)).toEqual([
        'Usage: archiveWALFile [OPTION]... %p %f',
        '',
        'Stores one finished WAL file durably at every destination; called by archive_command.',
      ]);
      for (const word of ['--config', '--pgdata', '--dry-run', '--help', '--version'])
        expect(stdout).toContain(word);
      const configured = `archive_command = '${program('archiveWALFile')} %p %f'`;
      expect(stdout).toContain(`In postgresql.conf:\n  ${configured}\n`);
      const status = stdout.slice(stdout.indexOf('EXIT STATUS\n')).trimEnd();
      const document = join(installation(), 'docs/errors.md');
      expect(status).toBe(
        `EXIT STATUS
    0  success
   12  the content is not what the file name says (size, header, address, timeline), or PostgreSQL still writes it
   13  the file, the archive or the home belongs to another cluster
   14  the archive holds different content under this name; both copies are untouched
   15  archiving is on hold: PostgreSQL keeps the WAL
   23  the disk or the quota is full
   27  a time limit was reached
   40  the archive is claimed by another node, or by a later claim than this node knows of: nothing was stored
Any other fault, by what is wrong; each code is in ${document}:
    2-5  the command line or the configuration is wrong, or another data directory is meant
  10-16  the file is not what it should be or is in the way, or archiving is on hold
  20-33  a directory, a disk or a state file cannot be used, or did not answer in time
  40-44  the archive or the timeline belongs to another node
  50-59  the server, or a source of WAL, is not there or not in the state for this
  60-69  the far side of a network road cannot be reached, or refuses
     70  twowarm has a bug: please report it
  80-94  a base backup cannot be made or put where it is to go, or a data directory or a node not be configured`,
      );
      const { files } = JSON.parse(readFileSync(join(installation(), 'package.json'), 'utf8')) as {
        files: string[];
      };
      expect(files).toContain('docs');
    },
  );

  inTurn(2).each(['--version', '-V'])('%s says the version', async (option) => {
    const manifest = readFileSync(join(installation(), 'package.json'), 'utf8');
    const stdout = `archiveWALFile (twowarm) ${(JSON.parse(manifest) as { version: string }).version}\n`;
    expect(await node.archive(option)).toEqual({ ...silent(), stdout });
  });
});
