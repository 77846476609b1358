// Who may import whom: the floors of the house, and one door per library.
import { describe, expect, it } from 'vitest';
import { files, importsOf, roomOf, type Import } from './sources.ts';

const programs = ['archive', 'receive', 'relay', 'restore', 'trigger', 'backup', 'cluster'];
/** What each room may import besides itself; a program room never reaches into another one. */
const allowed: Record<string, readonly string[]> = {
  main: [...programs, 'program'],
  ...Object.fromEntries(
    programs.map((room) => [room, ['copying', 'transport', 'postgres', 'program', 'wal']]),
  ),
  copying: ['transport', 'postgres', 'program', 'wal'],
  transport: ['program', 'wal'],
  postgres: ['program', 'wal'],
  program: [],
  wal: [],
};
const doors: Record<string, string> = {
  yargs: 'src/program/arguments.ts',
  pino: 'src/program/log.ts',
  'p-retry': 'src/transport/try-again.ts',
  'smol-toml': 'src/program/settings/read.ts',
  pg: 'src/postgres/client.ts',
  ssh2: 'src/transport/ssh.ts',
  'ssh-config': 'src/transport/ssh/config/lines.ts',
  chokidar: 'src/program/watch.ts',
  'tar-stream': 'src/backup/pg-basebackup/read-tar.ts',
  diff: 'src/program/differences.ts',
  '@inquirer/confirm': 'src/program/prompts.ts',
  '@inquirer/input': 'src/program/prompts.ts',
  '@inquirer/select': 'src/program/prompts.ts',
};
/** zod's declarations are in keys.ts; the others make its parts or look at them. */
const zodRooms = [
  'src/program/settings/key-parts.ts',
  'src/program/settings/keys.ts',
  'src/program/settings/destination-keys.ts',
  'src/program/settings/ssh-section.ts',
  'src/program/settings/rsync-section.ts',
  'src/program/settings/check.ts',
  'src/program/settings/in-force.ts',
];

const imports = files('src/**/*.ts').flatMap(importsOf);
const packages = imports.filter(({ isOurs, to }) => !isOurs && !to.startsWith('node:'));

describe('imports', () => {
  it('go down the floors of the house and never sideways between programs', () => {
    const wrong = imports.filter(({ from, to, isOurs }) => {
      if (!isOurs) return false;
      const [room, other] = [roomOf(from), roomOf(to)];
      return room !== other && !allowed[room]?.includes(other);
    });
    expect(wrong.map(({ from, to }) => `${from} imports ${to}`)).toEqual([]);
  });

  it('of src/wal are nothing but src/wal: it is pure', () => {
    const outside = imports.filter(({ from, to }) => roomOf(from) === 'wal' && !to.startsWith('src/wal/'));
    expect(outside.map(({ from, to }) => `${from} imports ${to}`)).toEqual([]);
  });

  it('of a library go through its one door', () => {
    const elsewhere = ({ from, to }: Import): boolean =>
      to === 'zod' ? !zodRooms.includes(from) : doors[to] !== from;
    expect(packages.filter(elsewhere).map(({ from, to }) => `${from} imports ${to}`)).toEqual([]);
  });

  it('name every door that the house test knows', () => {
    for (const [library, door] of Object.entries(doors)) {
      expect(
        packages.some(({ from, to }) => from === door && to === library),
        `${door} opens ${library}`,
      ).toBe(true);
    }
  });

  it('of child processes go through their one door', () => {
    const importers = imports.filter(({ to }) => to === 'node:child_process').map(({ from }) => from);
    expect(importers).toEqual(['src/program/exec.ts']);
  });

  it('end in .ts and name files that exist', () => {
    const known = new Set(files('{src,test,scripts,bench}/**/*.ts'));
    const all = files('{src,test,scripts,bench}/**/*.ts')
      .flatMap(importsOf)
      .filter(({ isOurs }) => isOurs);
    expect(all.filter(({ to }) => !known.has(to)).map(({ from, to }) => `${from} imports ${to}`)).toEqual([]);
  });
});
