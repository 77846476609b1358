// The trigger as a person gives it: triggerStandby, on a standby of the tests, as the server's user.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';

import type { Cluster } from '../harness/cluster.ts';
import { program } from '../harness/installation.ts';
import { run } from '../harness/run.ts';
import { waitFor } from '../harness/wait-for.ts';
import type { How } from './recovery-ways.ts';

const triggerFileOf = ({ parent }: Cluster): string => join(parent, 'twowarm', 'trigger');

/** Promotes a standby to timeline 2 and returns when triggerStandby says that it accepts writes. */
export async function trigger(standby: Cluster, how: How): Promise<void> {
  const result = await run(program('triggerStandby'), ['-D', standby.dataDirectory, how]);
  expect(result, result.stderr).toMatchObject({ code: 0 });
  expect(result.stdout).toMatch(
    /^promoted to timeline 2 at [0-9A-F]+\/[0-9A-F]+ after \d+\.\d s; accepts writes\n/,
  );
  expect(existsSync(triggerFileOf(standby))).toBe(false);
}

/**
 * Waits until the trigger is given but for what the server, which is held still, does about it. A triggerStandby that
 * failed says so in `triggered`.
 */
export async function triggerIsGiven(
  standby: Cluster,
  how: How,
  mode: 'standby' | 'recovery',
  triggered: Promise<void>,
): Promise<void> {
  const file = triggerFileOf(standby);
  // pg_standby empties the file of a fast trigger that it has seen.
  const isGiven = (): boolean =>
    existsSync(file) &&
    [how, ''].includes(readFileSync(file, 'utf8').trim()) &&
    (mode === 'recovery' || existsSync(join(standby.dataDirectory, 'promote')));
  await Promise.race([waitFor('the trigger to be given', isGiven), triggered]);
}
