// The archive that is sent: whole files, as tar reads them, or a fault of this side that says so.
import { rmSync, writeFileSync } from 'node:fs';
import { afterAll, expect, it } from 'vitest';
import { tarOf } from '../../../src/cluster/distribution/tar-stream.ts';
import { makeSandbox } from '../../harness/sandbox.ts';

const sandbox = makeSandbox('tar');
afterAll(() => sandbox.dispose());

async function send(sizeBytes: number, from: string): Promise<number> {
  let bytes = 0;
  const file = { path: 'bin/x', from, sizeBytes, sha256: '' };
  for await (const chunk of tarOf([file])) bytes += chunk.length;
  return bytes;
}

it('a file that changes, or cannot be read, while it is copied is a fault of this side', async () => {
  const from = sandbox.file('x', 'twowarm');
  expect(await send(7, from)).toBe(10_240);
  const changed = `the file ${from} changed while it was copied`;
  await expect(send(8, from)).rejects.toMatchObject({ kind: 'input-output', message: changed });
  writeFileSync(from, 'twowarm, longer');
  await expect(send(7, from)).rejects.toMatchObject({ kind: 'input-output', message: changed });
  rmSync(from);
  await expect(send(7, from)).rejects.toMatchObject({
    name: 'ProgramError',
    message: `could not read ${from}: No such file or directory`,
  });
});
