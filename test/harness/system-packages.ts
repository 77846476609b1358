// Tools that tests need and npm cannot bring: installed where we may, asked for where we may not. A test that lacks
// its tool fails; none is skipped.
import { spawnSync } from 'node:child_process';

import { runsAsRoot } from './server-user.ts';

/**
 * Makes sure that every program (key) is there, from the Debian package that has it (value). As root installs what is
 * missing; otherwise throws an error with the one line to run.
 */
export function ensureSystemPackages(programs: Readonly<Record<string, string>>): void {
  const lacking = (): string[] => Object.keys(programs).filter((program) => !isOnPath(program));
  const packages = [...new Set(lacking().map((program) => programs[program] as string))];
  if (packages.length === 0) return;
  const byHand = `sudo apt-get install -y ${packages.join(' ')}`;
  if (!runsAsRoot()) throw new Error(`the tests need ${lacking().join(', ')}: run  ${byHand}`);
  process.stderr.write(`installing ${packages.join(' ')} for the tests\n`);
  aptGet('update');
  aptGet('install', '-y', '--no-install-recommends', ...packages);
  if (lacking().length > 0) throw new Error(`could not install ${lacking().join(', ')}: try  ${byHand}`);
}

/** Administration programs such as sshd are not on everybody's PATH. */
function isOnPath(program: string): boolean {
  const PATH = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin:/usr/bin:/bin`;
  return spawnSync('sh', ['-c', 'command -v -- "$1"', 'sh', program], { env: { PATH } }).status === 0;
}

function aptGet(...args: string[]): void {
  const result = spawnSync('apt-get', ['-q', ...args], {
    encoding: 'utf8',
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (result.status !== 0) throw new Error(`apt-get ${args.join(' ')} failed: ${result.stderr}`);
}
