// The completion for bash, as bash calls it: with COMP_WORDS and COMP_CWORD, answered in COMPREPLY.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadCommands, manifest } from '../../scripts/packaging/man-pages.ts';
import { installation } from '../harness/installation.ts';
import { run } from '../harness/run.ts';
import { makeSandbox, type Sandbox } from '../harness/sandbox.ts';

const file = join(installation(), 'dist', 'twowarm.bash');
const commands = await loadCommands();
let sandbox: Sandbox;

beforeAll(() => {
  sandbox = makeSandbox('bash-completion');
  sandbox.file('here/my file', '');
  sandbox.file('here/other', '');
  sandbox.directory('here/my dir');
  sandbox.file('data/PG_VERSION', '15\n');
  const toml = `[node]\n[destination.db2]\n[ destination . 'dr' ]\n# [destination.no]\n[destination."$(touch ran)"]\n`;
  sandbox.file('twowarm/twowarm.toml', toml);
  sandbox.file('other.toml', '[destination.east]');
});
afterAll(() => sandbox.dispose());

/** What bash offers for these words with the cursor at the end of the last one. */
async function offered(
  words: readonly string[],
  env: Record<string, string> = {},
  cwd = 'here',
): Promise<string[]> {
  const script =
    'set -u; source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); ' +
    '"$(complete -p -- "${1##*/}" | sed "s/.*-F \\([^ ]*\\).*/\\1/")"; ' +
    '((${#COMPREPLY[@]} == 0)) || printf "%s\\n" "${COMPREPLY[@]}"';
  const args = ['--norc', '--noprofile', '-c', script, 'bash', file, ...words];
  const { code, stdout, stderr } = await run('bash', args, { cwd: join(sandbox.path, cwd), env });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .sort();
}

describe('after twowarm', () => {
  it('every command is offered', async () => {
    expect(await offered(['twowarm', ''])).toEqual(['--help', '--version', ...Object.keys(commands)].sort());
    expect(await offered(['twowarm', 'arch'])).toEqual(['archiveWALFile', 'archiving']);
    expect(await offered(['/usr/bin/twowarm', 'clai'])).toEqual(['claim']);
    expect(await offered(['twowarm', 'nothing', ''])).toEqual([]);
  });

  it('of each command every option is offered, and every word that its first argument may be', async () => {
    for (const [key, { options, positionals }] of Object.entries(commands)) {
      const long = options.map(({ name }) => name).filter((name) => name.length > 1);
      const wanted = [...long, 'help', 'version'].map((name) => `--${name}`).sort();
      expect(await offered(['twowarm', key, '--']), key).toEqual(wanted);
      const choices = positionals[0]?.choices;
      if (choices !== undefined)
        expect(await offered(['twowarm', key, '']), key).toEqual([...choices].sort());
    }
  });
});

it('each program has its own words', async () => {
  for (const program of Object.keys(manifest.bin))
    expect(await offered([program, '--vers']), program).toEqual(['--version']);
  expect(await offered(['triggerStandby', 's'])).toEqual(['smart']);
  expect(await offered(['pg_standby', '-t', 'o'])).toEqual(['other']);
});

describe('a value', () => {
  it.each([
    ['FILE is a file', ['twowarm', 'relay', '--config', ''], ['my dir', 'my file', 'other']],
    ['FILE after =', ['twowarm', 'relay', '--config', '=', 'o'], ['other']],
    ['FILE right after =', ['twowarm', 'relay', '--config', '='], ['my dir', 'my file', 'other']],
    ['FILE with a backslash', ['twowarm', 'relay', '--config', 'my\\ f'], ['my file']],
    ['FILE in quotes', ['twowarm', 'relay', '--config', '"my f'], ['my file']],
    ['DIRECTORY is a directory', ['twowarm', 'relay', '-D', ''], ['my dir']],
    ['DURATION is nobody knows what', ['triggerStandby', '--timeout', ''], []],
    ['is not counted as an argument', ['triggerStandby', '--timeout', '5s', 'f'], ['fast']],
    ['nor is one after =', ['twowarm', 'archiving', '--config', '=', 'x', 'h'], ['hold']],
    ['of a switch is none', ['twowarm', 'archiving', '--json', 'h'], ['hold']],
    ['after -- is no option', ['twowarm', 'archiving', '--', '-'], []],
    ['%p is a file', ['archiveWALFile', 'oth'], ['other']],
    ['ARCHIVELOCATION is a directory', ['pg_standby', '-t', 'x', 'm'], ['my dir']],
    ['too many', ['twowarm', 'archiving', 'on', ''], []],
  ])('%s', async (_, words, wanted) => {
    expect(await offered(words)).toEqual(wanted);
  });
});

describe('a destination', () => {
  const both = ['db2', 'dr'];
  it('comes from the configuration of the data directory: where we are, -D, PGDATA, the home', async () => {
    const suspend = ['twowarm', 'destination', 'suspend', ''];
    expect(await offered(suspend, {}, 'data')).toEqual(both);
    expect(await offered(suspend, { PGDATA: join(sandbox.path, 'data') })).toEqual(both);
    expect(await offered(suspend, { TWOWARM_HOME: join(sandbox.path, 'twowarm') })).toEqual(both);
    expect(await offered(['twowarm', 'destination', '-D', '../data', 'resume', 'dr'])).toEqual(['dr']);
    expect(await offered(['twowarm', 'destination', '--config', '../other.toml', 'suspend', ''])).toEqual([
      'east',
    ]);
  });

  it('is offered as often as a command takes it, and not where it takes none', async () => {
    expect(await offered(['twowarm', 'claim', 'db2', 'd'], {}, 'data')).toEqual(both);
    expect(await offered(['twowarm', 'destination', 'suspend', 'db2', ''], {}, 'data')).toEqual([]);
  });

  it('is nothing where there is no configuration, or one that may not be read', async () => {
    expect(await offered(['twowarm', 'claim', ''])).toEqual([]);
    sandbox.file('shut.toml', '[destination.x]', 0o000);
    expect(await offered(['twowarm', 'claim', '--config', '../shut.toml', ''])).toEqual([]);
    mkdirSync(join(sandbox.path, 'a.toml'));
    expect(await offered(['twowarm', 'claim', '--config', '../a.toml', ''])).toEqual([]);
  });
});

it('a person who presses TAB gets the word, and a file name with a blank is quoted', async () => {
  const typed = `source ${file}\ntwowarm destination li\t --config my\\ f\t\nexit\n`;
  const shell = 'PS1= bash --norc --noprofile -i';
  const options = {
    input: typed.replaceAll('\n', '\r'),
    cwd: join(sandbox.path, 'here'),
    env: { TERM: 'dumb' },
  };
  const { stdout } = await run(
    'script',
    ['-qec', `function twowarm { printf '<%s>' "$@"; }; export -f twowarm; ${shell}`, '/dev/null'],
    {
      ...options,
      env: { ...options.env, SHELL: '/bin/bash' },
    },
  );
  expect(stdout).toContain('<destination><list><--config><my file>');
});
