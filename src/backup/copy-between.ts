// The two ends of a copy, opened side by side: a login to the far side takes as long as what the server is asked first.
import type { Outside, Target } from '../copying/target.ts';
import type { ThisNode } from '../postgres/this-node.ts';
import type { ProgramCall } from '../program/command.ts';
import { unlessAborted } from '../program/unless-aborted.ts';
import { judgeArchiveCommand } from './archive-call.ts';
import type { Chosen } from './choose.ts';
import { copyTo, type Outcome, type Wanted } from './copy-to.ts';
import { beginProof, type EarlyProof } from './early-proof.ts';
import { askSource, outsideOfNew, type SourceFacts } from './look-at-source.ts';
import { openTarget } from './open-target.ts';
import { BackupSession } from './session.ts';
import type { Telling } from './telling.ts';

interface Ends {
  node: ThisNode;
  chosen: Chosen;
  wanted: Wanted;
  telling: Telling;
}

interface Server {
  session: BackupSession;
  asked: SourceFacts;
}

async function askServer({ node, wanted }: Ends): Promise<Server> {
  const session = await BackupSession.open(node, wanted.program);
  try {
    return { session, asked: await askSource(session, node, wanted) };
  } catch (error) {
    await session.close();
    throw error;
  }
}

interface Opening {
  target: Promise<Target>;
  /** Closed, also where it is being opened still. */
  end(): Promise<void>;
}

/** `outside` is known only once the server has been asked. */
function beginTarget(call: ProgramCall, { chosen, node }: Ends, outside: Promise<Outside>): Opening {
  const unwanted = new AbortController();
  const signal = AbortSignal.any([call.stop, unwanted.signal]);
  const identity = call.options['identity'] as string | undefined;
  let isOpen = false;
  const opening = openTarget(chosen, node, identity, outside, signal).then((target) => {
    isOpen = true;
    return target;
  });
  // Whoever waits for them hears of it; what the server says is heard first.
  opening.catch(() => undefined);
  outside.catch(() => undefined);
  return {
    target: opening,
    end: async () => {
      if (!isOpen) unwanted.abort(new Error('nobody wants the target any more'));
      const opened = await opening.catch(() => undefined);
      await opened?.close();
    },
  };
}

/** Opens both, copies, and closes them, whatever happens. */
export async function copyBetween(call: ProgramCall, ends: Ends): Promise<Outcome> {
  const { node, chosen, wanted } = ends;
  const { environment, stop } = call;
  const asking = askServer(ends);
  const outside = asking.then(({ asked }) => outsideOfNew(asked, wanted));
  const opening = beginTarget(call, ends, outside);
  let session: BackupSession | undefined;
  let proof: EarlyProof | undefined;
  try {
    const server = await unlessAborted(asking, stop);
    session = server.session;
    // What the words of the call make impossible is said before what the road does.
    await outside;
    const known = { ...ends, ...server, stop };
    proof = beginProof(known);
    const { url } = chosen.destination;
    const judged = judgeArchiveCommand(server.asked.facts, {
      dataDirectory: node.settings.dataDirectory,
      url,
      mayTrustOurs: !wanted.dryRun,
      stop,
    });
    judged.catch(() => undefined);
    const target = await opening.target;
    return await copyTo({ ...known, target, judged, proof, environment });
  } finally {
    const proofEnded = proof?.end();
    // First the server: its backup mode ends with the session.
    await session?.close();
    if (session === undefined) void asking.then((late) => late.session.close()).catch(() => undefined);
    await proofEnded;
    await opening.end();
  }
}
