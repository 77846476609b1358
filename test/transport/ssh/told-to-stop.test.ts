// SIGTERM while a far side hangs: the server that is stopping waits for its archiver and its startup process, so a call ends
// at once, of that signal, and says nothing. A relay ends as well as ever.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { closeConnections, lease, type Opened } from '../../../src/transport/ssh/leases.ts';
import { commandLine } from '../../harness/node-fixture.ts';
import { startProgram, type RunningProgram } from '../../harness/run.ts';
import { makeSandbox, type Sandbox } from '../../harness/sandbox.ts';
import { inTurn } from '../../harness/share.ts';
import { startSshd, type Sshd } from '../../harness/sshd.ts';
import { treeOf } from '../archives.ts';
import { hangingSide, preface, silentReceiver, steps, type Step } from './hanging-side.ts';
import { anotherSegment as name, sshNode, urlOf, type SshNode } from './ssh-node.ts';

let sandbox: Sandbox;
let sshd: Sshd;

beforeAll(async () => {
  sandbox = makeSandbox('told-to-stop');
  sshd = await startSshd(sandbox);
});

afterAll(async () => {
  await sshd.stop();
  await sandbox.dispose();
});

/** Less than the grace of a verb that does not hear (src/program/bounded.ts), in ms. */
const atOnceMs = 800;

const programs = ['archiveWALFile', 'restoreWALFile', 'twowarm relay'] as const;
type Program = (typeof programs)[number];

function start(node: SshNode, which: Program): RunningProgram {
  if (which === 'archiveWALFile') node.segment(name);
  else node.mode(which === 'restoreWALFile' ? 'recovery' : 'standby');
  const line = {
    archiveWALFile: commandLine('archiveWALFile', `pg_wal/${name}`, name),
    restoreWALFile: commandLine('restoreWALFile', name, 'pg_wal/RECOVERYXLOG'),
    'twowarm relay': commandLine('twowarm', 'relay'),
  }[which];
  return startProgram('/bin/sh', ['-c', `exec ${line}`], { cwd: node.dataDirectory });
}

async function expectToStop(
  node: SshNode,
  which: Program,
  untilReached: () => Promise<unknown>,
): Promise<void> {
  const program = start(node, which);
  await untilReached();
  const told = performance.now();
  program.kill('SIGTERM');
  const { code, signal, stdout, stderr } = await program.result;
  expect(performance.now() - told).toBeLessThan(atOnceMs);
  const isRelay = which === 'twowarm relay';
  expect({ code, signal, stdout, stderr }).toEqual({
    code: isRelay ? 0 : null,
    signal: isRelay ? null : 'SIGTERM',
    stdout: '',
    stderr: isRelay
      ? `twowarm relay: LOG:  relaying what arrives in ${node.path('twowarm/archive')} to db2\n`
      : '',
  });
  expect(treeOf(node.sandbox.path).filter((path) => path.includes('.tmp.'))).toEqual([]);
}

describe.concurrent('SIGTERM while a far side hangs', { timeout: 120_000 }, () => {
  inTurn(4).each(steps.flatMap((step): [Step, Program][] => programs.map((program) => [step, program])))(
    'at the %s: %s ends at once',
    async (step, which) => {
      await using node = await sshNode('stop', sshd);
      await using side = await hangingSide(node.sandbox, step);
      const known = readFileSync(sshd.knownHosts, 'utf8');
      const knownHosts = node.sandbox.file(
        'known_hosts',
        `${known}[127.0.0.1]:${side.port} ${side.hostKey}\n`,
      );
      node.use({ url: urlOf(sshd, node.far, side.port), knownHosts });
      await expectToStop(node, which, side.untilReached);
    },
  );

  inTurn(4).each(programs.flatMap((which) => ['', preface].map((text) => [which, text] as const)))(
    'before the welcome: %s ends at once (%j)',
    async (which, text) => {
      await using node = await sshNode('stop-hello', sshd);
      const { receiver, untilReached } = silentReceiver(node.sandbox, text);
      node.use({ receiver });
      await expectToStop(node, which, untilReached);
    },
  );
});

describe('a shared connection that is being opened', () => {
  const opened = { link: { isOpen: true, close: () => undefined }, welcome: {} } as unknown as Opened;

  it('goes on for whoever still waits, and is given up by the last one', async () => {
    const [first, second] = [new AbortController(), new AbortController()];
    const seen: AbortSignal[] = [];
    const open = (until: AbortSignal): Promise<Opened> => {
      seen.push(until);
      return new Promise((_, reject) => until.addEventListener('abort', () => reject(until.reason as Error)));
    };
    const waits = [first, second].map(({ signal }) => lease('shared', open, signal));
    const ends = waits.map((wait) => wait.catch((error: unknown) => error));
    first.abort(new Error('one'));
    expect(await ends[0]).toEqual(new Error('one'));
    expect(seen.map(({ aborted }) => aborted)).toEqual([false]);
    second.abort(new Error('two'));
    expect(await ends[1]).toEqual(new Error('two'));
    expect(seen.map(({ aborted }) => aborted)).toEqual([true]);
    // Whoever comes then opens another one.
    const next = await lease('shared', () => Promise.resolve(opened), new AbortController().signal);
    next.release();
    closeConnections();
  });

  it('is waited for by nobody who was told to stop before', async () => {
    const stopped = AbortSignal.abort(new Error('stopped'));
    const never = (): Promise<Opened> => Promise.reject(new Error('it was opened'));
    await expect(lease('stopped', never, stopped)).rejects.toThrow('stopped');
  });

  it('that cannot be opened fails for all who wait, and is tried again by the next one', async () => {
    const failing = (): Promise<Opened> => Promise.reject(new Error('refused'));
    const both = [lease('failing', failing), lease('failing', failing)];
    for (const each of both) await expect(each).rejects.toThrow('refused');
    const next = await lease('failing', () => Promise.resolve(opened));
    next.release();
    closeConnections();
  });
});
