// What a file's arrival at a receiver would come to, asked without sending it. A receiver that is too old to be asked refuses the
// verb by its name.
import type { InspectOf, PutOutcome } from '../transport.ts';
import type { Message } from '../wire/messages.ts';
import { isUnknownVerb } from './asking-road.ts';
import { Outgoing } from './outgoing.ts';

const verb = 'would-put';

/** Undefined where the receiver cannot say. Throws what refuses the file, here or there. */
export async function wouldPut(
  name: string,
  source: string,
  inspectOf: InspectOf,
  ask: (request: object) => Promise<Message>,
  signal: AbortSignal,
): Promise<PutOutcome | undefined> {
  const outgoing = await Outgoing.open(source, 'none', inspectOf);
  try {
    const { sha256 } = await outgoing.packed(signal);
    const request = { verb, name, size: outgoing.file.sizeBytes, sha256, encoding: 'zstd', store: 'none' };
    return (await ask(request)).oneOf('reply', ['stored', 'already-stored', 'stored-as-version'] as const);
  } catch (error) {
    if (isUnknownVerb(error, verb)) return undefined;
    throw error;
  } finally {
    await outgoing.close();
  }
}
