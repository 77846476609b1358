// The Node.js that an installation carries, one for each kind of machine, where bin/launch.sh finds it; and how machines
// name themselves.
import { statSync } from 'node:fs';
import { join } from 'node:path';

export type Architecture = 'x64' | 'arm64';

export interface Runtime {
  architecture: Architecture;
  /** The package, with bin/node in it. */
  directory: string;
}

const architectures: readonly Architecture[] = ['x64', 'arm64'];

/** By what uname -m says. */
const machines: Record<string, Architecture> = {
  x86_64: 'x64',
  amd64: 'x64',
  aarch64: 'arm64',
  arm64: 'arm64',
};

export const architectureOf = (machine: string): Architecture | undefined => machines[machine];

function isProgram(path: string): boolean {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats !== undefined && stats.isFile() && stats.size > 0 && (stats.mode & 0o111) !== 0;
}

/** All that the installation in `root` carries: inside it, or beside it, where npm may put them. */
export function carriedRuntimes(root: string): Runtime[] {
  return architectures.flatMap((architecture) => {
    const name = `node-linux-${architecture}`;
    const directory = [join(root, 'node_modules', name), join(root, '..', name)].find((each) =>
      isProgram(join(each, 'bin', 'node')),
    );
    return directory === undefined ? [] : [{ architecture, directory }];
  });
}
