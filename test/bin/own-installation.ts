// An installation of one's own, to break.
import { symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { installation } from '../harness/installation.ts';
import { quoted } from '../harness/node-fixture.ts';
import { shell } from '../harness/run.ts';
import type { Sandbox } from '../harness/sandbox.ts';

/**
 * Its files copied, its Node, if wanted, a link. The launchers do not look in the system's own directories, where this
 * machine may have another Node.
 */
export async function copyInstallation(sandbox: Sandbox, withNode: boolean): Promise<string> {
  const root = sandbox.directory('installation');
  const from = (part: string): string => quoted(join(installation(), part));
  const copied = await shell(
    `cp -R ${['bin', 'dist', 'package.json'].map(from).join(' ')} . && sed -i 's,:/usr/bin:/bin$,,' bin/*`,
    { cwd: root },
  );
  if (copied.code !== 0) throw new Error(copied.stderr);
  if (!withNode) return root;
  sandbox.directory(`installation/${dirname(carriedNode)}`);
  symlinkSync(join(installation(), carriedNode), join(root, carriedNode));
  return root;
}

/** Where the carried Node is. */
export const carriedNode = `node_modules/node-linux-${process.arch}/bin/node`;

/** A PATH with what launchers use, and no Node. */
export function barePath(sandbox: Sandbox): string {
  const path = sandbox.directory('path');
  for (const tool of ['readlink', 'uname', 'sh']) symlinkSync(`/bin/${tool}`, join(path, tool));
  return path;
}
