// The first exchange over a connection: who we are, what the far side is, and whether the archive there is the one that
// this node has used before.
import { ProgramError } from '../../program/program-error.ts';
import { version } from '../../program/version.ts';
import { noteAbout, recallNote, remember } from '../known-archives.ts';
import type { Identity } from '../transport.ts';
import { notReadableWords, readWelcome, versions, type Hello, type Welcome } from '../wire/messages.ts';
import type { Link } from './link.ts';

export interface Purpose {
  url: string;
  directory: string;
  /** 'look': for a dry run, with whichever key. */
  purpose: Hello['purpose'] | 'look';
}

const epochOf = (epoch: number | undefined): { epoch?: number } => (epoch === undefined ? {} : { epoch });

/** What the far side says of a directory of its own says which far side that is. */
function refusedBy(url: string, error: unknown): never {
  if (!(error instanceof ProgramError) || 'isOfLink' in error || error.message.includes(url)) throw error;
  const { kind, message, detail, hint } = error;
  throw new ProgramError(kind, `could not open ${url}: ${message}`, { detail, hint, cause: error });
}

/** A receiver that does not know of looks takes one for reading. */
function asRefusedLook(error: unknown): unknown {
  if (!(error instanceof ProgramError) || error.message !== notReadableWords) return error;
  return new ProgramError('not-allowed', 'a dry run cannot look there with this key', {
    detail: 'The receiver is older than this twowarm, and lets a dry run look only where the key may read.',
    hint: 'The real call does not need that: it can be made all the same.',
    cause: error,
  });
}

/** Says hello; throws the refusal. The archive's name is noted, so that another one in its place is refused. */
export async function greet(
  link: Link,
  { url, directory, purpose }: Purpose,
  identity: Identity,
  signal: AbortSignal,
): Promise<Welcome> {
  const facts = identity.facts?.() ?? { segmentSize: 0, controlVersion: 0, timeline: 0 };
  const known = recallNote(url, identity);
  const hello: Hello = {
    verb: 'hello',
    versions: [versions.oldest, versions.newest],
    client: version,
    system_identifier: identity.systemIdentifier,
    segment_size: facts.segmentSize,
    control_version: facts.controlVersion,
    node: identity.nodeId,
    node_name: identity.nodeName ?? '',
    timeline: facts.timeline,
    directory,
    url,
    ...(known !== undefined && { archive: known.archive }),
    ...epochOf(identity.heldEpoch ?? known?.epoch),
    note: noteAbout(url, identity.stateDirectory),
    purpose: purpose === 'look' ? 'read' : purpose,
    ...(purpose === 'look' && { look: true }),
  };
  const welcome = readWelcome(
    await link
      .askOnce(hello, signal)
      .catch((error: unknown) => refusedBy(url, purpose === 'look' ? asRefusedLook(error) : error)),
  );
  if (welcome.archive !== undefined && welcome.archive !== known?.archive)
    remember(url, welcome.archive, identity);
  return welcome;
}
