// Which version of a protocol two sides speak that may have been installed at different times.
import { ProgramError } from '../../program/program-error.ts';
import { version } from '../../program/version.ts';

/** The versions that a receiver speaks: each also works with the one before. */
export interface Spoken {
  oldest: number;
  newest: number;
}

/** The newest version that both speak; `protocol-version` where there is none. `protocol`: as it is called in that fault. */
export function agreeOn(
  ours: Spoken,
  [oldest, newest]: readonly [number, number],
  protocol: string,
  client: string,
): number {
  const agreed = Math.min(newest, ours.newest);
  if (agreed >= Math.max(oldest, ours.oldest)) return agreed;
  throw new ProgramError(
    'protocol-version',
    `the receiver speaks version ${ours.oldest} to ${ours.newest} of ${protocol}, not ${oldest} to ${newest}`,
    {
      detail: `The receiver is twowarm ${version}, the other side ${client.slice(0, 40)}.`,
      hint: `Update twowarm ${newest < ours.oldest ? 'on this side' : 'on the far side'}.`,
    },
  );
}
