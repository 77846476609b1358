// One SFTP session, with a server that is made up.
import { expect, it } from 'vitest';
import type { Done } from '../../../src/transport/sftp/session.ts';
import { madeUpSession } from './made-up-server.ts';

it('a sync that is never answered ends the session, too, only later', async () => {
  const session = madeUpSession({ ext_openssh_fsync: () => undefined }, 50);
  const begin = performance.now();
  const sync = session.ask<void>(
    (asked, done: Done) => asked.ext_openssh_fsync(Buffer.from('h'), done),
    true,
  );
  await expect(sync).rejects.toThrow('the far side has not answered for 0.5 s');
  expect(performance.now() - begin).toBeGreaterThan(400);
  expect(session.isOpen).toBe(false);
});
