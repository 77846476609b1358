// known_hosts files as text: what they say of the key that a server shows (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT; the
// answers are those of OpenSSH's hostfile.c and sshconnect.c). Pure; files, messages and cures are host-key.ts.
import { decodeBase64 } from './base64.ts';
import { matchHosts, nameInKnownHosts } from './host-pattern.ts';
import { keyTypeOf } from './public-key.ts';

/** Which line of which file, counted from 1. */
export interface Place {
  file: string;
  line: number;
}

interface Entry extends Place {
  marker: 'none' | 'revoked' | 'cert-authority';
  hosts: string;
  keyType: string;
  key: Buffer;
}

export interface KnownHosts {
  entries: readonly Entry[];
  /** Lines that were passed over, and why. */
  damaged: readonly (Place & { reason: string })[];
}

export interface Server {
  /** As in the URL; an IPv6 address without brackets. */
  host: string;
  port: number;
  /** HostKeyAlias of ssh_config: the name that known_hosts has, whatever the host and the port. */
  alias?: string | undefined;
}

export interface KnownKey extends Place {
  keyType: string;
  key: Buffer;
}

/**
 * `unknown`: nothing is recorded for this server; where that is only a certificate authority, its line: host
 * certificates are not supported. `changed`: `recorded` are its other keys, first those of the type that was shown.
 * `revoked`: never to be trusted, whatever else is recorded.
 */
export type HostKeyAnswer =
  | { state: 'known'; recorded: KnownKey }
  | { state: 'unknown'; authority: Place | undefined }
  | { state: 'changed'; recorded: readonly KnownKey[] }
  | { state: 'revoked'; recorded: KnownKey };

/** Reads the text of known_hosts files, in order. Comments and empty lines are nothing; what is wrong is reported. */
export function parseKnownHosts(files: readonly { path: string; text: string }[]): KnownHosts {
  const entries: Entry[] = [];
  const damaged: (Place & { reason: string })[] = [];
  for (const { path, text } of files) {
    text.split('\n').forEach((written, index) => {
      // OpenSSH reads lines as C strings.
      const line = written.split('\0', 1)[0]!.replace(/^[ \t]+/, '');
      if (line.trim() === '' || line.startsWith('#')) return;
      const place = { file: path, line: index + 1 };
      const read = readLine(line);
      if (typeof read === 'string') damaged.push({ ...place, reason: read });
      else entries.push({ ...place, ...read });
    });
  }
  return { entries, damaged };
}

/** An entry, or what is wrong with the line. */
function readLine(line: string): Omit<Entry, keyof Place> | string {
  const fields = line.split(/[ \t]+/);
  const marker = fields[0]!.startsWith('@') ? fields.shift()!.slice(1) : 'none';
  if (marker !== 'none' && marker !== 'revoked' && marker !== 'cert-authority') return 'unknown marker';
  const [hosts = '', keyType = '', encoded = ''] = fields;
  if (hosts.startsWith('@')) return 'more than one marker';
  if (matchHosts(hosts, '') === 'damaged') return 'damaged hash of a host name';
  // A file from Windows has a carriage return where no comment follows; base64 may have such space in it.
  const key = decodeBase64(encoded.replace(/[\r\v\f]/g, ''));
  if (key === undefined) return 'damaged key';
  const type = keyTypeOf(key);
  if (type === undefined || type !== keyType) return 'the key is not one of its type';
  return { marker, hosts, keyType, key };
}

const entriesFor = ({ entries }: KnownHosts, name: string): Entry[] =>
  entries.filter(({ hosts }) => matchHosts(hosts, name) === 'match');

/**
 * What the files say of this key (its bytes on the wire). At another port than 22 a key that is recorded for the host
 * without a port counts, too, as it does for ssh, but only to say 'known' or 'revoked'.
 */
export function judgeHostKey(known: KnownHosts, server: Server, key: Buffer): HostKeyAnswer {
  const answer = judge(entriesFor(known, nameInKnownHosts(server)), key);
  if (answer.state !== 'unknown' || server.port === 22 || server.alias !== undefined) return answer;
  const without = judge(entriesFor(known, nameInKnownHosts({ ...server, port: 22 })), key);
  if (without.state === 'known' || without.state === 'revoked') return without;
  return without.state === 'unknown' && answer.authority === undefined ? without : answer;
}

function judge(entries: readonly Entry[], key: Buffer): HostKeyAnswer {
  const isThis = (entry: Entry): boolean => entry.key.equals(key);
  const revoked = entries.find((entry) => entry.marker === 'revoked' && isThis(entry));
  if (revoked !== undefined) return { state: 'revoked', recorded: revoked };
  const recorded = entries.filter(({ marker }) => marker === 'none');
  const same = recorded.find(isThis);
  if (same !== undefined) return { state: 'known', recorded: same };
  if (recorded.length === 0)
    return { state: 'unknown', authority: entries.find(({ marker }) => marker === 'cert-authority') };
  const type = keyTypeOf(key);
  const ofType = recorded.filter(({ keyType }) => keyType === type);
  return { state: 'changed', recorded: [...ofType, ...recorded.filter((entry) => !ofType.includes(entry))] };
}

/**
 * The types of the keys that are recorded for this server and would be accepted, in the order of the files: a client
 * asks for one of them, so that a server with several keys shows one that is known. Empty for an unknown server.
 */
export function keyTypesOf(known: KnownHosts, server: Server): string[] {
  const usable = (name: string): string[] =>
    entriesFor(known, name)
      .filter(({ marker, key }) => marker === 'none' && judgeHostKey(known, server, key).state === 'known')
      .map(({ keyType }) => keyType);
  const found = usable(nameInKnownHosts(server));
  // With an alias both names are the same.
  return [...new Set(found.length > 0 ? found : usable(nameInKnownHosts({ ...server, port: 22 })))];
}
