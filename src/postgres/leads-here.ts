// Whether a connection string leads to this very node, as one does that came with a copy from a former standby of it. By names
// and addresses of this machine alone: nobody is asked.
import { hostname, networkInterfaces } from 'node:os';
import { realpathSync } from 'node:fs';
import { parseConninfo } from './conninfo.ts';
import { ProgramError } from '../program/program-error.ts';

const defaultPort = '5432';

function realOf(directory: string): string {
  try {
    return realpathSync(directory);
  } catch {
    return directory;
  }
}

/** Whether this server has its socket there; also where it is not known where that is. */
const isOwnSocket = (directory: string, own: string | undefined): boolean =>
  own === undefined || own.split(',').some((each) => realOf(each.trim()) === realOf(directory));

/** 'likely': another machine of this name in another domain is taken for this one, too. */
type Certainty = 'certain' | 'likely';

const firstLabel = (name: string): string => name.split('.')[0]!;

function isThisName(name: string, certainty: Certainty): boolean {
  const own = hostname().toLowerCase();
  if (name === own) return true;
  // One of them without a domain says nothing of it.
  return certainty === 'likely' && firstLabel(name) === firstLabel(own);
}

function isThisMachine(host: string, certainty: Certainty): boolean {
  const name = host.toLowerCase();
  if (name === '' || name === 'localhost' || name === '::1' || /^127\./.test(name)) return true;
  const isAddress = /^[\d.]+$|:/.test(name);
  if (!isAddress) return isThisName(name, certainty);
  return Object.values(networkInterfaces()).some((addresses) =>
    addresses?.some(({ address }) => address === name),
  );
}

/** `own`: settings of this node's server. False also for a string that is empty, or cannot be read. */
export function leadsHere(
  conninfo: string | undefined,
  own: (name: string) => string | undefined,
  certainty: Certainty,
): boolean {
  if (conninfo === undefined || conninfo.trim() === '') return false;
  try {
    const { host = '', hostaddr, port: theirs = defaultPort } = parseConninfo(conninfo);
    if (theirs !== (own('port') || defaultPort)) return false;
    const name = hostaddr || host;
    return name.startsWith('/')
      ? isOwnSocket(name, own('unix_socket_directories'))
      : isThisMachine(name, certainty);
  } catch (error) {
    if (error instanceof ProgramError) return false;
    throw error;
  }
}
