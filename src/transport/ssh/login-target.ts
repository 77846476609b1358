// Where a login over ssh leads to, and what it may use on the way.
import type { ProgramError } from '../../program/program-error.ts';

/** Where to log in, and how. */
export interface Target {
  host: string;
  port: number;
  user: string;
  /** Private keys in the order in which they are offered, and then the agent's; `from`: the line that names it. */
  keys: readonly { path: string; privateKey: string; from?: string }[];
  agent: string | undefined;
  /** Keys that were found and are not offered, and why. */
  passedOver: readonly { path: string; reason: string }[];
  /** The algorithms of the host keys that are known, to be named first. */
  hostKeyAlgorithms: readonly string[];
  /** What is wrong with the key of the far side; undefined: it is the known one. */
  verify: (key: Buffer) => ProgramError | undefined;
  connectLimitMs: number;
  /** The jump host that the connection goes through. */
  via?: Target | undefined;
  /** It is one itself. */
  isJump?: boolean;
  family?: 4 | 6 | undefined;
  /** Whole lists instead of the default ones. */
  algorithms?: { kex?: string[]; cipher?: string[]; hmac?: string[]; serverHostKey?: string[] };
  /** Which keys of the agent may be offered (their bytes on the wire); default each. */
  mayOffer?: ((key: Buffer) => boolean) | undefined;
  /** Why a key is not to be used, as the end of a sentence; undefined: it may be. */
  refusesKey?: ((key: Buffer) => string | undefined) | undefined;
  /** With which of its options `twowarm receive` makes the line of such a key over there; undefined: it is for no receiver alone. */
  lineOptions?: '--directory DIR' | '--data-directory DIR';
  /** What ssh_config says of this host, as sentences for faults. */
  notes?: readonly string[];
  /** Ask now and then whether the far side is there; silent for longer than this the connection is lost. */
  silenceLimitMs?: number;
}

/** From the jump host that is logged in to, if there are any, to where the connection leads. */
export const wayTo = (target: Target): Target[] => [
  ...(target.via === undefined ? [] : wayTo(target.via)),
  target,
];
