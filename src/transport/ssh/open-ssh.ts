// From an ssh: URL to a road: credentials, the known host key, a login, the receiver, a hello.
import type { SshSettings } from '../../program/settings/settings.ts';
import { shellWord } from '../../program/shell-word.ts';
import type { SshRoad } from '../../program/ssh-url.ts';
import { unlessAborted } from '../../program/unless-aborted.ts';
import { connectSftp, connectSsh, type Target } from '../ssh.ts';
import type { Compression } from '../stored-form.ts';
import type { Identity, PutAhead, Transport, Way } from '../transport.ts';
import { greet, type Purpose } from './greet.ts';
import { hostKeyCheck } from './host-key.ts';
import { findCredentials } from './keys.ts';
import { effectiveAccount } from './known-hosts-files.ts';
import type { SftpCarrier, SftpSession } from '../sftp/session.ts';
import { lease } from './leases.ts';
import { Link } from './link.ts';
import { namingLogin } from './login-words.ts';
import { aboutRoad, type Lease } from './asking-road.ts';
import { Ahead } from './outgoing.ts';
import { encodingFor, ReceiverRoad } from './road.ts';
import { isWithoutReceiver, sftpInstead, wayInstead, wayOfUrl } from './without-receiver.ts';

/** Loaded only where files go that way. */
const bySftp = () => import('../sftp/open-sftp.ts');

/** A forced command of the far side takes the place of this one. */
const commandFor = ({ directory }: Purpose, receiver: string): string =>
  `${receiver} receive --directory ${shellWord(directory)} --allow-read`;

function targetOf({ host, port, user }: SshRoad, login: SshSettings): Target {
  const credentials = findCredentials({
    identityFiles: login.identityFiles,
    agentSocket: login.agent,
    environment: process.env,
  });
  const check = hostKeyCheck({ host, port }, login.knownHosts);
  return {
    host,
    port,
    user: user ?? effectiveAccount().name,
    keys: credentials.keys,
    agent: credentials.agent,
    passedOver: credentials.passedOver,
    hostKeyAlgorithms: check.algorithms,
    verify: (key) => check.verify(key),
    connectLimitMs: login.connectLimitMs,
  };
}

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
  const target = targetOf(road, login);
  if (road.isSftp === true) return begin(await connectSftp(target, signal), login, wayOfUrl);
  const carrier = await connectSsh(target, commandFor(purpose, login.receiver), signal);
  const link = new Link(carrier, login.idleLimitMs);
  try {
    return { link, welcome: await greet(link, purpose, identity, signal) };
  } catch (error) {
    link.close();
    if (!isWithoutReceiver(error)) throw namingLogin(error, carrier.login);
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
