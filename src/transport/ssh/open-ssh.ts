// From an ssh: URL to a road: credentials, the known host key, a login, the receiver, a hello; or to a command over there.
import type { SshSettings } from '../../program/settings/settings.ts';
import { shellWord } from '../../program/shell-word.ts';
import type { SshRoad } from '../../program/ssh-url.ts';
import { unlessAborted } from '../../program/unless-aborted.ts';
import type { SftpCarrier, SftpSession } from '../sftp/session.ts';
import { connectSftp, connectSsh, logInSsh } from '../ssh.ts';
import type { Compression } from '../stored-form.ts';
import type { Identity, PutAhead, Transport, Way } from '../transport.ts';
import { preface } from '../wire/frames.ts';
import { targetOf } from './config/target.ts';
import type { Login } from './far-command.ts';
import { greet, type Purpose } from './greet.ts';
import { lease } from './leases.ts';
import { isWithoutReceiver } from './carrier.ts';
import { Link } from './link.ts';
import type { Target } from './login-target.ts';
import { namingLogin } from './login-words.ts';
import { aboutRoad, type Lease } from './asking-road.ts';
import { Ahead } from './outgoing.ts';
import { encodingFor, ReceiverRoad } from './road.ts';
import { sftpInstead, wayInstead, wayOfUrl } from './without-receiver.ts';

/** Loaded only where files go that way. */
const bySftp = () => import('../sftp/open-sftp.ts');

/** A forced command of the far side takes the place of this one. */
const commandFor = ({ directory }: Purpose, receiver: string): string =>
  `${receiver} receive --directory ${shellWord(directory)} --allow-read`;

/** How the road is wanted. */
export interface Wanted {
  purpose: Purpose['purpose'];
  compression: Compression;
  /** Whether SFTP will do where there is no receiver. */
  mayLackDurable: boolean;
}

type Opened = Omit<Lease, 'release'> | { link: SftpSession; way: Way };

async function begin(carrier: SftpCarrier, login: SshSettings, way: Way): Promise<Opened> {
  return { link: (await bySftp()).startSession(carrier, login.idleLimitMs), way };
}

/** `signal` aborts when nobody waits for it any more: it is shared with others, who have signals of their own. */
async function connect(
  road: SshRoad,
  purpose: Purpose,
  { mayLackDurable }: Wanted,
  identity: Identity,
  signal: AbortSignal,
): Promise<Opened> {
  const login = identity.login!;
  const target: Target = { ...(await targetOf(road, login)), lineOptions: '--directory DIR' };
  if (road.isSftp === true) return begin(await connectSftp(target, signal), login, wayOfUrl);
  const carrier = await connectSsh(target, commandFor(purpose, login.receiver), signal);
  const link = new Link(carrier, login.idleLimitMs);
  try {
    return { link, welcome: await greet(link, purpose, identity, signal) };
  } catch (error) {
    if (!isWithoutReceiver(error)) {
      link.close();
      throw namingLogin(error, carrier.login);
    }
    const instead = await sftpInstead(error, login, mayLackDurable, signal);
    return begin(instead, login, wayInstead);
  }
}

/**
 * Opens a road over ssh. What goes wrong with the connection says that the place cannot be opened. When `signal` aborts
 * it throws the reason at once.
 */
export async function openOverSsh(
  url: string,
  road: SshRoad,
  wanted: Wanted,
  identity: Identity,
  signal?: AbortSignal,
  put?: PutAhead,
): Promise<Transport> {
  const { purpose, compression } = wanted;
  const { directory } = road;
  const asked: Purpose = { url, directory, purpose };
  const { systemIdentifier, stateDirectory, nodeId, heldEpoch } = identity;
  // Whoever greets as another one, or by another claim, needs a connection of its own.
  const who = `${systemIdentifier} ${stateDirectory} ${nodeId} ${heldEpoch}`;
  const key = `${purpose} ${wanted.mayLackDurable} ${who} ${url}`;
  const ahead = put && road.isSftp !== true ? new Ahead(put, encodingFor(put.name, compression)) : undefined;
  try {
    const opened = await lease(key, (until) => connect(road, asked, wanted, identity, until), signal);
    if ('welcome' in opened) return new ReceiverRoad(url, opened, identity, compression, ahead);
    await ahead?.discard();
    const { link, way, release } = opened;
    const { openBySftp } = await bySftp();
    const place = { url, directory, purpose, compression, way, release };
    const opening = openBySftp(link, place, identity);
    return await unlessAborted(opening, signal).catch((error: unknown) => {
      // Nobody else would close it.
      opening.then(
        (late) => void late.close(),
        () => undefined,
      );
      throw error;
    });
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

/**
 * Logs in and runs a command that is a receiver for a data directory: what can be asked of it is the caller's, and so is closing
 * it. Throws as connecting does; the reason of `signal` when that aborts.
 */
export async function openLinkOverSsh(
  road: SshRoad,
  login: SshSettings,
  command: string,
  signal: AbortSignal,
): Promise<Link> {
  const target: Target = { ...(await targetOf(road, login)), lineOptions: '--data-directory DIR' };
  return new Link(await connectSsh(target, command, signal), login.idleLimitMs);
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
  const target: Target = { ...(await targetOf(road, login)), lineOptions: '--directory DIR' };
  const carrier = await connectSsh(target, command, signal);
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
