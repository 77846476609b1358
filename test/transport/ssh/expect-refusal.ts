// What a refusal of an ssh: road must look like: the same message of both programs, the exit code, and nothing changed.
import { expect } from 'vitest';
import { refused } from '../../harness/node-fixture.ts';
import { anotherSegment as name, type SshNode } from './ssh-node.ts';

export const quick = { retryLimit: '50ms' };
export const restored = 'pg_wal/RECOVERYXLOG';

export const store = (node: SshNode, segment = name) => node.archive(`pg_wal/${segment}`, segment);

/** Both programs end with that message, and change nothing: restoreWALFile in every mode. */
export async function expectRefusal(node: SshNode, code: number, said: string): Promise<void> {
  node.segment(name);
  expect(await store(node)).toEqual(
    refused(code, `archiveWALFile: ERROR:  could not store ${name}: ${said}`),
  );
  await expectNotRestored(node, said);
}

export async function expectNotRestored(node: SshNode, said: string): Promise<void> {
  for (const [mode, ends] of [
    ['standby', 1],
    ['recovery', 200],
    ['none', 1],
  ] as const) {
    node.mode(mode);
    const message = `restoreWALFile: ERROR:  could not restore ${name}: ${said}`;
    expect(await node.restore(name, restored), mode).toEqual(refused(ends, message));
  }
}
