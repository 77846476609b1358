// From an ssh: URL to a road: credentials, the known host key, a login, the receiver, a hello; or to a command over there.
import type { SshSettings } from '../../program/settings/settings.ts';
import { shellWord } from '../../program/shell-word.ts';
import type { SshRoad } from '../../program/ssh-url.ts';
import { connectSsh, logInSsh } from '../ssh.ts';
import type { Compression } from '../stored-form.ts';
import type { Identity, PutAhead, Transport } from '../transport.ts';
import { targetOf } from './config/target.ts';
import type { Login } from './far-command.ts';
import { preface } from '../wire/frames.ts';
import { greet, type Purpose } from './greet.ts';
import { lease, type Opened } from './leases.ts';
import { Link } from './link.ts';
import { namingLogin } from './login-words.ts';
import { aboutRoad } from './asking-road.ts';
import { Ahead } from './outgoing.ts';
import { encodingFor, ReceiverRoad } from './road.ts';

/** A forced command of the far side takes the place of this one. */
const commandFor = ({ directory }: Purpose, receiver: string): string =>
  `${receiver} receive --directory ${shellWord(directory)} --allow-read`;

/** `signal` aborts when nobody waits for it any more: it is shared with others, who have signals of their own. */
async function connect(
  road: SshRoad,
  purpose: Purpose,
  identity: Identity,
  signal: AbortSignal,
): Promise<Opened> {
  const login = identity.login!;
  const target = await targetOf(road, login);
  const carrier = await connectSsh(target, commandFor(purpose, login.receiver), signal);
  const link = new Link(carrier, login.idleLimitMs);
  try {
    return { link, welcome: await greet(link, purpose, identity, signal) };
  } catch (error) {
    link.close();
    throw namingLogin(error, carrier.login);
  }
}

/**
 * Opens a road over ssh. What goes wrong with the connection says that the place cannot be opened. When `signal` aborts
 * it throws the reason at once.
 */
export async function openOverSsh(
  url: string,
  road: SshRoad,
  { purpose, compression }: { purpose: Purpose['purpose']; compression: Compression },
  identity: Identity,
  signal?: AbortSignal,
  put?: PutAhead,
): Promise<Transport> {
  const wanted: Purpose = { url, directory: road.directory, purpose };
  const { systemIdentifier, stateDirectory, nodeId, heldEpoch } = identity;
  // Whoever greets as another one, or by another claim, needs a connection of its own.
  const key = `${purpose} ${systemIdentifier} ${stateDirectory} ${nodeId} ${heldEpoch} ${url}`;
  const ahead = put && new Ahead(put, encodingFor(put.name, compression));
  try {
    const leased = await lease(key, (until) => connect(road, wanted, identity, until), signal);
    return new ReceiverRoad(url, leased, identity, compression, ahead);
  } catch (error) {
    await ahead?.discard();
    signal?.throwIfAborted();
    throw aboutRoad(`could not open ${url}`, error);
  }
}

/**
 * Logs in to run commands there, with the limits of `login`. Throws the fault of the login, with the reason alone, or the
 * reason of `signal`.
 */
export async function logInOverSsh(road: SshRoad, login: SshSettings, signal: AbortSignal): Promise<Login> {
  return logInSsh({ ...(await targetOf(road, login)), silenceLimitMs: login.idleLimitMs }, signal);
}

/** What a command of the far side has written, and how it ended; a key that is locked to a receiver has that answer instead. */
export interface Ran {
  stdout: string;
  isReceiver: boolean;
  /** How the command ended, in words; undefined for a receiver, which is not waited for. */
  ending: Error | undefined;
}

/** No answer of ours is longer, in bytes. */
const longestAnswer = 4 * 1024 * 1024;

/** Logs in and runs a command, which the shell over there reads. Throws as connecting does; the reason of `signal` when that aborts. */
export async function runOverSsh(
  road: SshRoad,
  login: SshSettings,
  command: string,
  signal: AbortSignal,
): Promise<Ran> {
  const carrier = await connectSsh(await targetOf(road, login), command, signal);
  const end = (): void => carrier.close(true);
  signal.addEventListener('abort', end, { once: true });
  let said = Buffer.alloc(0);
  try {
    for await (const chunk of carrier.connection.chunks) {
      said = Buffer.concat([said, chunk]);
      if (said.includes(preface)) return { stdout: '', isReceiver: true, ending: undefined };
      if (said.length > longestAnswer) break;
    }
    signal.throwIfAborted();
    const stdout = said.toString('utf8');
    return { stdout, isReceiver: false, ending: await carrier.explainEnd('') };
  } finally {
    signal.removeEventListener('abort', end);
    end();
  }
}
