// The first exchange of a copy with a receiver for a data directory, version 1: JSON objects in the frames of
// transport/wire/. Unknown fields are ignored; nothing that comes is believed before it was read through here.
import { version } from '../../program/version.ts';
import { agreeOn } from '../../transport/wire/agree-version.ts';
import type { Message } from '../../transport/wire/messages.ts';
import type { PageDigests } from '../sums/page-digests.ts';
import type { Outside } from '../target.ts';
import { outsideToJson, readOutside } from './places.ts';

/** The versions that this program speaks: each also works with the one before. */
export const copyVersions = { oldest: 1, newest: 1 } as const;

export interface CopyHello {
  /** The oldest and the newest version that the client speaks. */
  versions: readonly [number, number];
  /** The client's version of twowarm, for messages. */
  client: string;
  /** Must be the receiver's own. */
  directory: string;
  /** As the client names the target, for messages. */
  url: string;
  /** What a new target would have beside it: for the line that a refusal shows. */
  outside: Outside;
  /** Of the digests (sums/page-digests.ts). */
  key: Buffer;
}

export const helloVerb = 'hello-copy';

/** 32 bytes. */
const hexKey = /^[0-9a-f]{64}$/;

export const helloToJson = (
  directory: string,
  url: string,
  outside: Outside,
  { key }: PageDigests,
): object => ({
  verb: helloVerb,
  versions: [copyVersions.oldest, copyVersions.newest],
  client: version,
  directory,
  url,
  outside: outsideToJson(outside),
  key: key.toString('hex'),
});

export const readCopyHello = (message: Message): CopyHello => ({
  versions: message.pair('versions'),
  client: message.text('client').slice(0, 40),
  directory: message.text('directory'),
  url: message.text('url'),
  outside: readOutside(message.part('outside')),
  key: Buffer.from(message.matching('key', hexKey), 'hex'),
});

/** The newest version that both speak. */
export const agreeOnCopy = ({ versions, client }: CopyHello): number =>
  agreeOn(copyVersions, versions, 'the protocol of copies', client);
