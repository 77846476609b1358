// What to log in with: private keys that ssh would use, too, and an agent. Reads files and looks for sockets; offers
// nothing to anybody. The words for a key that is of no use are key-faults.ts.
import { closeSync, constants, fstatSync, openSync, readFileSync, statSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { errnoOf, fromSystemError, ProgramError } from '../../program/program-error.ts';
import { ownerAndMode } from '../../program/owner-words.ts';
import { shellWord } from '../../program/shell-word.ts';
import { encryptedKey, missingKey, noKey, readableKey, unusableKey } from './key-faults.ts';
import { effectiveAccount } from './known-hosts-files.ts';
import { inspectPrivateKey } from './private-key.ts';

export interface LoginChoice {
  /** Absolute paths that the configuration names: each has to be usable. Default: those of ~/.ssh that are. */
  identityFiles?: readonly string[] | undefined;
  /** The socket that the configuration names: it has to be there. Default: $SSH_AUTH_SOCK, if it is. */
  agentSocket?: string | undefined;
  environment: Readonly<Record<string, string | undefined>>;
  /** Where the default keys are. Default: the home of the effective user, by the user database. */
  home?: string | undefined;
}

export interface Credentials {
  /** Not encrypted, in the order to offer them; `privateKey` is the text of the file. */
  keys: readonly { path: string; privateKey: string }[];
  /** The path of the agent's socket. */
  agent: string | undefined;
  /** What was found and is not offered, and why: for the message when the login is refused. */
  passedOver: readonly { path: string; reason: string }[];
}

const defaultNames = ['id_ed25519', 'id_ecdsa', 'id_rsa'];
/** No key is longer; what is has been named by mistake. */
const limitBytes = 1024 * 1024;

/**
 * Everything that can be offered, at least one key or an agent. A named key that is encrypted counts as one that the
 * agent has, if there is an agent. Throws `ssh-key` when there is nothing, or when what was named cannot be used, and
 * faults of reading a named file.
 */
export function findCredentials(choice: LoginChoice): Credentials {
  const { identityFiles, agentSocket, environment, home = effectiveAccount().home } = choice;
  const passedOver: { path: string; reason: string }[] = [];
  const agent = findAgent(agentSocket, environment['SSH_AUTH_SOCK'] || undefined, passedOver);
  const isNamed = identityFiles !== undefined;
  const paths =
    identityFiles ?? (home === undefined ? [] : defaultNames.map((name) => join(home, '.ssh', name)));
  const keys = paths.flatMap((path) => {
    try {
      const read = readKey(path, isNamed);
      if (read === undefined) return [];
      if (read !== 'encrypted') return [{ path, privateKey: read }];
      if (agent === undefined) throw encryptedKey(path);
      passedOver.push({ path, reason: 'it is encrypted with a passphrase' });
    } catch (error) {
      if (isNamed || !(error instanceof ProgramError)) throw error;
      passedOver.push({ path, reason: error.message.slice(error.message.indexOf(': ') + 2) });
    }
    return [];
  });
  if (keys.length === 0 && agent === undefined)
    throw noKey({ paths, passedOver, hasAgentName: Boolean(environment['SSH_AUTH_SOCK']) });
  return { keys, agent, passedOver };
}

/** The text of a key, 'encrypted', or undefined where no file is and none has to be. Throws for every other one. */
function readKey(path: string, mustBeThere: boolean): string | undefined {
  const descriptor = openKey(path, mustBeThere);
  if (descriptor === undefined) return undefined;
  try {
    checkFile(path, fstatSync(descriptor));
    const text = readFileSync(descriptor, 'latin1');
    const found = inspectPrivateKey(text);
    if (found.state === 'unusable') throw unusableKey(path, found);
    return found.state === 'encrypted' ? 'encrypted' : text;
  } finally {
    closeSync(descriptor);
  }
}

function openKey(path: string, mustBeThere: boolean): number | undefined {
  try {
    // Not waiting: the name may be that of a pipe.
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    const isMissing = errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR';
    if (isMissing && !mustBeThere) return undefined;
    if (isMissing) throw missingKey(path);
    throw fromSystemError(error, `could not read the key ${path}`, hintToRead(path));
  }
}

function hintToRead(path: string): string {
  const { name } = effectiveAccount();
  const found = ownerAndMode(path);
  if (found === undefined) return `${name} must be able to read it.`;
  const { owner, mode } = found;
  const cure = owner === name ? `chmod 600 ${shellWord(path)}` : `as root: chown ${name} ${shellWord(path)}`;
  return `It belongs to ${owner} and has mode ${mode}; ${name} must be able to read it: ${cure}`;
}

function checkFile(path: string, { mode, uid, size }: Stats): void {
  if ((mode & constants.S_IFMT) !== constants.S_IFREG || size > limitBytes)
    throw unusableKey(path, { reason: 'is not a key file', cure: 'another-key' });
  // As ssh does (authfile.c, sshkey_perm_ok): what belongs to another user is that one's affair.
  if (uid === process.geteuid?.() && (mode & 0o077) !== 0) throw readableKey(path, mode);
}

function findAgent(
  named: string | undefined,
  fromEnvironment: string | undefined,
  passedOver: { path: string; reason: string }[],
): string | undefined {
  const path = named ?? fromEnvironment;
  if (path === undefined || isSocket(path)) return path;
  if (named !== undefined) {
    throw new ProgramError('ssh-key', `could not find the agent: there is no socket ${named}`, {
      hint: `Start it as ${effectiveAccount().name}: ssh-agent -a ${named}`,
    });
  }
  passedOver.push({ path, reason: 'there is no such socket of an agent' });
  return undefined;
}

function isSocket(path: string): boolean {
  try {
    return statSync(path).isSocket();
  } catch {
    return false;
  }
}
