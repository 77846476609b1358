// copyToStandby over ssh whose other end goes away: the line is cut, the receiver or the server of ssh is killed, or the primary
// itself is started again. Nothing is left on either side, and the same call again completes the copy.
import { readFileSync, rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startCuttingProxy, type CuttingProxy, type Trouble } from '../../harness/cutting-proxy.ts';
import { processesIn } from '../../harness/processes.ts';
import { makeSandbox, type Sandbox } from '../../harness/sandbox.ts';
import { seed, turnOf } from '../../harness/share.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { archiveIn, copiedPair, copy, startCopy, type CopiedPair, type CopyResult } from './copied-pair.ts';
import { expectSafe } from './unusable.ts';
import { expectAccepted } from './verify-copy.ts';

let sandbox: Sandbox;
let proxy: CuttingProxy;
let pair: CopiedPair;
beforeAll(async () => {
  sandbox = makeSandbox('interrupted-far');
  pair = await copiedPair(sandbox, {
    ...{ major: 15, road: 'ssh' },
    port: async (sshd) => {
      proxy = await startCuttingProxy(sshd.port);
      return proxy.port;
    },
  });
  // What does not shrink on the line.
  await pair.primary.query(
    "create table large as select i, (select string_agg(md5(i::text || ':' || j::text), '') from generate_series(1, 30) j) as text from generate_series(1, 6000) i",
  );
});
afterAll(async () => {
  await pair?.[Symbol.asyncDispose]();
  await proxy?.[Symbol.asyncDispose]();
  await sandbox?.dispose();
});

/** The receiver of the copy, as sshd has started it. */
const receivers = (): number[] =>
  processesIn(sandbox.path)
    .filter(({ pid, command }) => /twowarm.*receive/.test(command) && isReceiver(pid))
    .map(({ pid }) => pid);

const isReceiver = (pid: number): boolean => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0').includes('--data-directory');
  } catch {
    return false;
  }
};

/** Nothing can start there, nothing is left at work; then the same call completes it. */
async function completes(): Promise<void> {
  const { primary, standby } = pair;
  proxy.cutAll();
  expect(await expectSafe(primary, standby)).toBe(false);
  await waitFor('the receiver to be gone', () => receivers().length === 0);
  await copy(primary);
  await expectAccepted(standby, archiveIn(standby));
}

const unfinished = (url: string): string =>
  `copyToStandby: WARNING:  the copy in ${url} is not complete, and nothing can start from it\n` +
  'HINT:  The same call again goes on from what is there. The primary leaves its backup mode with this call.\n';

/** What it says of a connection that is gone, whatever it was doing at that moment. */
function expectLost({ code, signal, stderr }: CopyResult, why: string): void {
  const { target } = pair;
  expect({ code, signal }).toEqual({ code: 65, signal: null });
  expect(stderr.slice(0, unfinished(target).length)).toBe(unfinished(target));
  expect(stderr.slice(unfinished(target).length)).toMatch(
    new RegExp(
      `^copyToStandby: ERROR:  could not ((create directory|write file) "[^"]+"|(write|remove) files( of "[^"]+")?) at ${target}: ${why}\\n$`,
    ),
  );
}

/** Starts it anew; `act` is called at the moment at which the target is prepared. */
async function whilePrepared(
  trouble: Trouble | undefined,
  act: () => unknown = () => undefined,
): Promise<CopyResult> {
  rmSync(pair.standby.dataDirectory, { recursive: true, force: true });
  let acted: unknown;
  const running = startCopy(pair.primary, [], ({ event }) => {
    if (event !== 'prepared') return;
    proxy.trouble = trouble;
    acted = act();
  });
  const result = await running.result;
  proxy.trouble = undefined;
  await acted;
  return result;
}

const kilobytes = [1, 50, 400, 1500, 3000].map((each) => each + (seed % 40));
const cuts = [
  ...kilobytes.map((each): Trouble => ({ how: 'cut', direction: 'up', afterBytes: each * 1000 })),
  ...[1, 3].map((each): Trouble => ({ how: 'cut', direction: 'down', afterBytes: each * 1000 })),
];

describe('a copy over ssh', { timeout: 200_000 }, () => {
  it.each(turnOf(cuts, 4))(
    'whose line is cut after $afterBytes bytes $direction is completed by the same call',
    async (trouble) => {
      expectLost(await whilePrepared(trouble), '(Connection reset by peer|the connection was cut)');
      await completes();
    },
  );

  it('whose receiver is killed is completed by the same call', async () => {
    rmSync(pair.standby.dataDirectory, { recursive: true, force: true });
    let found: number[] = [];
    const running = startCopy(pair.primary, [], ({ event }) => {
      // It is there since the target was looked at.
      if (event === 'begun') found = receivers();
      if (event === 'prepared') for (const pid of found) process.kill(pid, 'SIGKILL');
    });
    expectLost(await running.result, 'the connection was cut');
    expect(found).toHaveLength(1);
    await completes();
  });

  it('ends with the backup, when the primary is started again', async () => {
    const { primary } = pair;
    const { code, signal, stderr } = await whilePrepared(
      { how: 'stall', direction: 'up', afterBytes: 200_000 },
      async () => {
        await waitFor('the line to stand still', () => proxy.hasStruck);
        await primary.stop('immediate');
        await primary.start();
      },
    );
    expect({ code, signal, stderr }).toEqual({
      code: 54,
      signal: null,
      stderr: `${unfinished(pair.target)}copyToStandby: ERROR:  the connection to the server was lost: its backup has ended
HINT:  The copy is unusable as it is; call again once the server runs, and it goes on from what is there.
`,
    });
    await completes();
  });

  it.each(turnOf(['SIGKILL', 'SIGINT'] as const, 2))(
    'that is ended by %s leaves no receiver',
    async (signal) => {
      const running = startCopy(pair.primary, [], ({ event }) => {
        if (event === 'prepared') running.kill(signal);
      });
      expect((await running.result).signal).toBe(signal);
      await completes();
    },
  );
});
