// Whether a connection string leads to this very node, as one does that came with a copy from a former standby of it. By names
// and addresses of this machine alone: nobody is asked.
import { hostname, networkInterfaces } from 'node:os';
import { parseConninfo } from '../../postgres/conninfo.ts';
import { ProgramError } from '../../program/program-error.ts';

const defaultPort = '5432';

function isThisMachine(host: string): boolean {
  const name = host.toLowerCase();
  if (name === '' || name.startsWith('/') || name === 'localhost' || name === '::1' || /^127\./.test(name))
    return true;
  const isAddress = /^[\d.]+$|:/.test(name);
  if (!isAddress) return name.split('.')[0] === hostname().toLowerCase().split('.')[0];
  return Object.values(networkInterfaces()).some((addresses) =>
    addresses?.some(({ address }) => address === name),
  );
}

/** False also for one that cannot be read. */
export function leadsHere(conninfo: string, port: string | undefined): boolean {
  try {
    const { host = '', hostaddr, port: theirs = defaultPort } = parseConninfo(conninfo);
    return theirs === (port ?? defaultPort) && isThisMachine(hostaddr || host);
  } catch (error) {
    if (error instanceof ProgramError) return false;
    throw error;
  }
}
