// The first exchange of a copy with a receiver for a data directory, version 1: JSON objects in the frames of
// transport/wire/. Unknown fields are ignored; nothing that comes is believed before it was read through here.
import { ProgramError } from '../../program/program-error.ts';
import { version } from '../../program/version.ts';
import type { Message } from '../../transport/wire/messages.ts';
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
  outside: Outside;
}

export const helloVerb = 'hello-copy';

export const helloToJson = (directory: string, url: string, outside: Outside): object => ({
  verb: helloVerb,
  versions: [copyVersions.oldest, copyVersions.newest],
  client: version,
  directory,
  url,
  outside: outsideToJson(outside),
});

export const readCopyHello = (message: Message): CopyHello => ({
  versions: message.pair('versions'),
  client: message.text('client').slice(0, 40),
  directory: message.text('directory'),
  url: message.text('url'),
  outside: readOutside(message.part('outside')),
});

/** The newest version of the protocol that both speak. */
export function agreeOnCopy([oldest, newest]: CopyHello['versions'], client: string): number {
  const agreed = Math.min(newest, copyVersions.newest);
  if (agreed >= Math.max(oldest, copyVersions.oldest)) return agreed;
  throw new ProgramError(
    'protocol-version',
    `the receiver speaks version ${copyVersions.oldest} to ${copyVersions.newest} of the protocol of copies, not ${oldest} to ${newest}`,
    {
      detail: `The receiver is twowarm ${version}, the other side ${client}.`,
      hint: `Update twowarm ${newest < copyVersions.oldest ? 'on this side' : 'on the far side'}.`,
    },
  );
}
