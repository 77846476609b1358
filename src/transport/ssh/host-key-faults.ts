// Why a host key is not trusted, in words: what the server showed, what is recorded, and the exact command that would
// record it, to be run once somebody has compared the fingerprint.
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { ProgramError } from '../../program/program-error.ts';
import { shellWord } from '../../program/shell-word.ts';
import { nameInKnownHosts } from './host-pattern.ts';
import { effectiveAccount } from './known-hosts-files.ts';
import type { HostKeyAnswer, KnownHosts, KnownKey, Place, Server } from './known-hosts.ts';
import { fingerprintOf, keyTypeOf, nameOfType } from './public-key.ts';

export interface Refusal {
  server: Server;
  /** As the server showed it. */
  key: Buffer;
  answer: Exclude<HostKeyAnswer, { state: 'known' }>;
  /** The file that a new key is recorded in. */
  recordIn: string;
  known: KnownHosts;
  /** Sentences on how the server is reached. */
  notes: readonly string[];
  /** The command that runs another one where the server can be asked from; undefined: here. */
  askedFrom: string | undefined;
}

/** The fault of kind `host-key` for an answer other than 'known'. */
export function hostKeyFault(refusal: Refusal): ProgramError {
  const { answer, server } = refusal;
  const could = `could not verify the host key of ${nameInKnownHosts(server)}`;
  if (answer.state === 'revoked') {
    return new ProgramError(
      'host-key',
      `cannot trust the host key of ${nameInKnownHosts(server)}: it is revoked`,
      {
        detail: [shown(refusal), `${placeOf(answer.recorded)} revokes it.`, ...refusal.notes].join(' '),
        hint: `Somebody else may hold this key. Find out who answers as ${server.host}, and give the server a new host key.`,
      },
    );
  }
  if (answer.state === 'changed') {
    return new ProgramError('host-key', `${could}: known_hosts has another one`, {
      detail: [
        shown(refusal),
        recorded(answer.recorded),
        'Either the server has a new key or somebody else answers.',
        ...refusal.notes,
      ].join(' '),
      hint: cureOfChange(refusal, answer.recorded),
    });
  }
  return new ProgramError('host-key', `${could}: it is not in known_hosts`, {
    detail: [shown(refusal), ...notes(refusal, answer.authority), ...refusal.notes].join(' '),
    hint: `${compare(refusal)} Then record it, as ${effectiveAccount().name}: ${command(refusal)}`,
  });
}

/** The known key is an RSA key of fewer bits than RequiredRSASize allows. */
export const shortKeyFault = (
  { server, key, notes }: Pick<Refusal, 'server' | 'key' | 'notes'>,
  { bits, from, found }: { bits: number; from: string; found: number },
): ProgramError =>
  new ProgramError(
    'host-key',
    `cannot trust the host key of ${nameInKnownHosts(server)}: it has ${found} bits`,
    {
      detail: [shown({ key }), `RequiredRSASize asks for ${bits} (${from}).`, ...notes].join(' '),
      hint: 'Give the server a longer host key, or one that is not RSA.',
    },
  );

const placeOf = ({ file, line }: Place): string => `Line ${line} of ${file}`;

/** The type and the fingerprint, as ssh-keygen prints them. */
const described = (key: Buffer): string =>
  `${nameOfType(keyTypeOf(key) ?? 'unknown type')} key ${fingerprintOf(key)}`;

const shown = ({ key }: Pick<Refusal, 'key'>): string => `The server shows the ${described(key)}.`;

function recorded([first, ...more]: readonly KnownKey[]): string {
  const others = more.length === 0 ? '' : ` (and ${more.length} more)`;
  return `${placeOf(first!)} has the ${described(first!.key)}${others}.`;
}

/** What else may be the reason that a server is not known. */
function notes({ known }: Refusal, authority: Place | undefined): string[] {
  const [damaged] = known.damaged;
  return [
    ...(authority === undefined
      ? []
      : [
          `${placeOf(authority)} names a certificate authority for it, but host certificates are not supported.`,
        ]),
    ...(damaged === undefined ? [] : [`${placeOf(damaged)} was passed over: ${damaged.reason}.`]),
  ];
}

/** ssh-keyscan's names of the types that sshd makes keys of. */
const scanTypes: Record<string, string> = { ED25519: 'ed25519', ECDSA: 'ecdsa', RSA: 'rsa' };

function compare({ server, key }: Refusal): string {
  const type = scanTypes[nameOfType(keyTypeOf(key) ?? '')];
  const file = `/etc/ssh/ssh_host_${type ?? '*'}_key.pub`;
  return `Compare the fingerprint first, on ${server.host}: ssh-keygen -lf ${file}.`;
}

function command({ server, key, recordIn, askedFrom }: Refusal): string {
  const type = scanTypes[nameOfType(keyTypeOf(key) ?? '')];
  const words = [
    'ssh-keyscan',
    ...(type === undefined ? [] : ['-t', type]),
    '-p',
    String(server.port),
    server.host,
  ];
  const asked = `${askedFrom === undefined ? '' : `${askedFrom} `}${words.map(shellWord).join(' ')}`;
  // ssh-keyscan writes the name that it was given.
  const renamed = server.alias === undefined ? '' : ` | sed ${shellWord(`s/^[^ ]*/${server.alias}/`)}`;
  const scan = `${asked}${renamed} >> ${shellWord(recordIn)}`;
  const directory = dirname(recordIn);
  return existsSync(directory) ? scan : `mkdir -p -m 700 ${shellWord(directory)} && ${scan}`;
}

function cureOfChange(refusal: Refusal, [first]: readonly KnownKey[]): string {
  // A key of another type need not go: a server may have several.
  const isOfType = first!.keyType === keyTypeOf(refusal.key);
  const removal = isOfType ? `remove line ${first!.line} of ${first!.file} and ` : '';
  return `${compare(refusal)} Only if it is the server's, ${removal}record it, as ${effectiveAccount().name}: ${command(refusal)}`;
}
