// From an SFTP session to a road: what the server must be able to do, whose the archive is, what was left unfinished there.
// dist/sftp.cjs, which nothing loads but a road that goes by SFTP.
import { mountFar, unmountFar } from '../../program/far-files.ts';
import { admitReader, admitWriter } from '../archive-identity.ts';
import type { Compression } from '../stored-form.ts';
import type { Identity, Transport, Way } from '../transport.ts';
import { writerOf } from '../writer.ts';
import { SftpFiles } from './files.ts';
import { FarArchive, namedFault, roadOver, type Place } from './road.ts';
import { SessionFault, SftpSession, type SftpCarrier } from './session.ts';
import { sweepFar } from './sweep.ts';

/** Begins to use a session; what ends it ends all roads over it. */
export const startSession = (carrier: SftpCarrier, idleLimitMs: number): SftpSession =>
  new SftpSession(carrier, idleLimitMs);

export interface ByWay {
  url: string;
  directory: string;
  purpose: 'read' | 'write' | 'look';
  compression: Compression;
  way: Way;
  /** Called once, when the road is closed or could not be opened. */
  release: () => void;
}

/** What a writer needs of the server, and what for. */
const needed: Record<string, string> = {
  'hardlink@openssh.com': 'give a file its name without ever replacing another',
  'fsync@openssh.com': 'make a file durable',
};

function requireExtensions(session: SftpSession): void {
  const missing = Object.entries(needed).filter(([extension]) => !session.has(extension));
  if (missing.length === 0) return;
  throw new SessionFault(
    'protocol',
    `the SFTP server there has no ${missing.map(([extension]) => extension).join(' and no ')}`,
    {
      detail: `Without it nothing can ${missing.map(([, purpose]) => purpose).join(', and nothing can ')}.`,
      hint: "Use OpenSSH's SFTP server (6.5 or newer) over there, without a list that denies this request; or install twowarm there.",
    },
  );
}

/** Opens the road to the archive over the session. */
export async function openBySftp(
  session: SftpSession,
  { url, directory, purpose, compression, way, release }: ByWay,
  identity: Identity,
): Promise<Transport> {
  const origin = /^\w+:\/\/[^/]*/.exec(url)![0];
  const prefix = mountFar((at) => new SftpFiles(session, at), origin);
  const place: Place = { url, prefix, origin };
  const end = (): void => {
    unmountFar(prefix);
    release();
  };
  const known = { ...identity, archiveUrl: url };
  try {
    if (purpose === 'write') requireExtensions(session);
    const admit = purpose === 'write' ? admitWriter : admitReader;
    const admission = await admit(prefix + directory, known);
    if (purpose === 'write') await sweepFar(identity.stateDirectory, writerOf(identity), origin, prefix);
    return roadOver(new FarArchive(url, prefix + directory, known, admission, compression), place, way, end);
  } catch (error) {
    end();
    throw namedFault(error, `could not open ${url}`, place);
  }
}
