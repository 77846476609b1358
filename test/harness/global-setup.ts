// Before and after a vitest run: the tools that tests need, the installation they test, and one directory for all of
// it, which goes at the end with whatever a killed worker left in it. The only module here that is vitest's.
import { randomInt } from 'node:crypto';
import { atExit } from './cleanup.ts';
import { stageInstallation } from './installation.ts';
import { offerMemory } from './memory.ts';
import { endProcessesIn } from './processes.ts';
import { removeRunDirectory, runDirectory } from './run-directory.ts';
import { ensureSystemPackages } from './system-packages.ts';

/** Workers find the directory by an environment variable that they inherit. */
export default function setup(): () => void {
  process.env['TWOWARM_SEED'] ??= String(randomInt(2 ** 31));
  process.stdout.write(
    `TWOWARM_SEED=${process.env['TWOWARM_SEED']} plays the same share of the long stories again\n`,
  );
  ensureSystemPackages({
    strace: 'strace',
    zstd: 'zstd',
    sshd: 'openssh-server',
    ssh: 'openssh-client',
    rsync: 'rsync',
    man: 'man-db',
    objdump: 'binutils',
    'systemd-analyze': 'systemd',
  });
  const run = runDirectory();
  const memory = offerMemory(run);
  // At Ctrl-C this comes first: what is not mounted any more has no path to be found by.
  atExit(() => endProcessesIn(run));
  stageInstallation();
  return () => {
    endProcessesIn(run);
    memory?.[Symbol.dispose]();
    removeRunDirectory();
  };
}
