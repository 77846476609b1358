// Does one thing of src/program that a test's own process cannot do to itself, and prints what came of it as JSON.
import { writeSync } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { Socket } from 'node:net';
import { findPlace, requireHome, type Call } from '../../../src/program/home.ts';
import { noteHangingCall, leave } from '../../../src/program/leave.ts';
import { writeOut } from '../../../src/program/print-error.ts';
import { becomeOwnerOf } from '../../../src/program/privileges.ts';
import { ProgramError } from '../../../src/program/program-error.ts';
import { isAbandoned, removeAbandoned, temporaryPath } from '../../../src/program/temporary-name.ts';
import { reserveThreads } from '../../../src/program/threads.ts';

const done: Record<string, (facts: never) => unknown> = {
  /** Becomes the owner and says who that is. */
  owner: ({ dataDirectory }: { dataDirectory: string }) => {
    becomeOwnerOf(dataDirectory);
    const { geteuid, getegid, getuid, getgid, getgroups } = process;
    const regains = (): boolean => {
      try {
        process.seteuid!(0);
        return true;
      } catch {
        return false;
      }
    };
    return {
      uids: [getuid!(), geteuid!()],
      gids: [getgid!(), getegid!()],
      groups: getgroups!(),
      regains: regains(),
    };
  },
  /** Hangs as many calls as told and says whether another one is still answered. */
  threads: async ({ roads, hanging, fifo }: { roads: number; hanging: number; fifo: string }) => {
    reserveThreads(roads);
    for (let n = 0; n < hanging; n++) void open(fifo, 'r');
    noteHangingCall();
    const timer = new Promise((resolve) => setTimeout(resolve, 1000, 'starved'));
    return Promise.race([stat('/').then(() => 'answered'), timer]);
  },
  /** Writes a long text to stdout and says on stderr how long that took. */
  write: ({ length, nonBlocking }: { length: number; nonBlocking: boolean }) => {
    if (nonBlocking) new Socket({ fd: 1, readable: false }).unref();
    const started = performance.now();
    writeOut(1, 'x'.repeat(length));
    writeSync(2, String(performance.now() - started));
    return undefined;
  },
  place: ({ call, home }: { call?: Call; home?: string }) =>
    call === undefined ? requireHome(home!) : findPlace(call),
  /** What it thinks of temporary files where it cannot even see itself. */
  temporary: ({ directory, names }: { directory: string; names: string[] }) => {
    const own = temporaryPath(`${directory}/x`, 'n1');
    removeAbandoned(directory, 'n1');
    return { own: own.split('.').at(-2), abandoned: names.map((name) => isAbandoned(name, 'n1', 0)) };
  },
};

const { verb, ...facts } = JSON.parse(process.argv[2]!) as { verb: string };
const print = (value: unknown): void => {
  if (value !== undefined) writeSync(1, JSON.stringify(value));
};
try {
  print(await done[verb]!(facts as never));
} catch (error) {
  if (!(error instanceof ProgramError)) throw error;
  const { kind, message, detail, hint } = error;
  print({ kind, message, detail, hint });
}
leave(0);
