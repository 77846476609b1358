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
  /** What ssh_config says; what the configuration names goes before it. */
  written?: WrittenChoice | undefined;
  environment: Readonly<Record<string, string | undefined>>;
  /** Where the default keys are. Default: the home of the effective user, by the user database. */
  home?: string | undefined;
}

/** As ssh_config has it: what is missing is passed over. */
export interface WrittenChoice {
  /** Instead of the default keys, if there are any; `from` says which line names it. */
  files: readonly { path: string; from: string }[];
  /** Undefined: no line says anything; without a path there is none to be used. */
  agent: { path: string | undefined; from: string } | undefined;
  /** For a jump host its own files come first, and those of the configuration after them. */
  isJump: boolean;
}

export interface Credentials {
  /** Not encrypted, in the order to offer them; `privateKey` is the text of the file. */
  keys: readonly { path: string; privateKey: string; from?: string }[];
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
  const { environment } = choice;
  const passedOver: { path: string; reason: string }[] = [];
  const agent = findAgent(choice, passedOver);
  const candidates = candidatesOf(choice);
  const keys = candidates.flatMap((candidate) => {
    const { path, isNamed, from } = candidate;
    const whence = from === undefined ? '' : ` (${from})`;
    try {
      const read = readKey(path, isNamed);
      if (read === undefined && from !== undefined)
        passedOver.push({ path, reason: `it does not exist${whence}` });
      if (read === undefined) return [];
      if (read !== 'encrypted') return [{ path, privateKey: read, ...(from !== undefined && { from }) }];
      if (agent === undefined) throw encryptedKey(path);
      passedOver.push({ path, reason: `it is encrypted with a passphrase${whence}` });
    } catch (error) {
      if (isNamed || !(error instanceof ProgramError)) throw error;
      passedOver.push({ path, reason: `${error.message.slice(error.message.indexOf(': ') + 2)}${whence}` });
    }
    return [];
  });
  if (keys.length === 0 && agent === undefined)
    throw noKey({
      paths: candidates.map(({ path }) => path),
      passedOver,
      hasAgentName: Boolean(choice.written?.agent ?? environment['SSH_AUTH_SOCK']),
    });
  return { keys, agent, passedOver };
}

/** A file that may be a key; `from`: the line of ssh_config that names it. */
interface Candidate {
  path: string;
  /** It has to be usable. */
  isNamed: boolean;
  from?: string;
}

/** The files that findCredentials looks at, in their order. */
export function candidatesOf({
  identityFiles,
  written,
  home = effectiveAccount().home,
}: LoginChoice): Candidate[] {
  const named = identityFiles?.map((path) => ({ path, isNamed: true }));
  const ofLines = written?.files.map((file) => ({ ...file, isNamed: false })) ?? [];
  if (written?.isJump === true && (named ?? []).length + ofLines.length > 0)
    return [...ofLines, ...(named ?? [])];
  if (named !== undefined) return named;
  if (ofLines.length > 0) return ofLines;
  return home === undefined
    ? []
    : defaultNames.map((name) => ({ path: join(home, '.ssh', name), isNamed: false }));
}

/** The text of a key, 'encrypted', or undefined where no file is and none has to be. Throws for every other one. */
function readKey(path: string, mustBeThere: boolean): string | undefined {
  const descriptor = openKey(path, mustBeThere);
  if (descriptor === undefined) return undefined;
  try {
    const stats = fstatSync(descriptor);
    requireKeyFile(path, stats);
    const text = readFileSync(descriptor, 'latin1');
    const found = inspectPrivateKey(text);
    // Before its mode, which a public key may have.
    if (found.state === 'unusable') throw unusableKey(path, found);
    requireSecret(path, stats);
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

function requireKeyFile(path: string, { mode, size }: Stats): void {
  if ((mode & constants.S_IFMT) !== constants.S_IFREG || size > limitBytes)
    throw unusableKey(path, { reason: 'is not a key file', cure: 'another-key' });
}

/** As ssh does (authfile.c, sshkey_perm_ok): what belongs to another user is that one's affair. */
function requireSecret(path: string, { mode, uid }: Stats): void {
  if (uid === process.geteuid?.() && (mode & 0o077) !== 0) throw readableKey(path, mode);
}

function findAgent(
  { agentSocket: named, written, environment }: LoginChoice,
  passedOver: { path: string; reason: string }[],
): string | undefined {
  const ofLine = written?.agent;
  const path = named ?? (ofLine === undefined ? environment['SSH_AUTH_SOCK'] || undefined : ofLine.path);
  if (path === undefined || isSocket(path)) return path;
  if (named !== undefined) {
    throw new ProgramError('ssh-key', `could not find the agent: there is no socket ${named}`, {
      hint: `Start it as ${effectiveAccount().name}: ssh-agent -a ${named}`,
    });
  }
  const whence = ofLine === undefined ? '' : ` (${ofLine.from})`;
  passedOver.push({ path, reason: `there is no such socket of an agent${whence}` });
  return undefined;
}

function isSocket(path: string): boolean {
  try {
    return statSync(path).isSocket();
  } catch {
    return false;
  }
}
