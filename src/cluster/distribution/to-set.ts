// What a person has to set so that the copy is used: only what is not seen to be set already. Nothing is changed by
// distrib2warm itself, neither configuration nor servers.
import { join } from 'node:path';
import type { Settings } from '../../program/settings/settings.ts';
import { shellWord } from '../../program/shell-word.ts';
import { keyOptions, readPublicKey, receiverCommand } from '../../transport/receiver/authorized-keys-line.ts';
import { effectiveAccount } from '../../transport/ssh/known-hosts-files.ts';
import type { FarState } from './far-state.ts';
import type { FarNode } from './nodes.ts';

export interface ToSet {
  /** Where: 'postgresql.conf on db2'. */
  where: string;
  /** The lines as they stand there. */
  lines: string[];
}

/** In a setting of postgresql.conf: quoted for the shell there, then for the file. */
function commandLine(program: string, words: string): string {
  const word = /^[A-Za-z0-9/._-]+$/.test(program) ? program : `"${program.replace(/(["$`\\])/g, '\\$1')}"`;
  return `'${word.replaceAll('%', '%%').replaceAll("'", "''")} ${words}'`;
}

function inServerConfiguration(name: string, root: string, { names }: FarState): ToSet[] {
  const settings: [program: string, setting: string, words: string][] = [
    ['restoreWALFile', 'restore_command', '%f %p %r'],
    ['archiveWALFile', 'archive_command', '%p %f'],
  ];
  const lines = settings
    .filter(([program]) => !names.includes(program))
    .map(([program, setting, words]) => `${setting} = ${commandLine(join(root, 'bin', program), words)}`);
  return lines.length === 0 ? [] : [{ where: `postgresql.conf on ${name}`, lines }];
}

function inServices(name: string, root: string, { names }: FarState): ToSet[] {
  if (names.includes('relay')) return [];
  const line = `ExecStart=${join(root, 'bin', 'twowarm')} relay -D <its data directory>`;
  return [
    { where: `twowarm-relay.service on ${name} (from conf-templates), where the relay runs`, lines: [line] },
  ];
}

/** The one that this node archives with, as far as its public half lies beside it. */
function publicKey({ ssh }: Settings): string {
  const { home } = effectiveAccount();
  const [first = home === undefined ? undefined : join(home, '.ssh', 'id_ed25519')] = ssh.identityFiles ?? [];
  try {
    if (first !== undefined) return readPublicKey(`${first}.pub`);
  } catch {
    // A person finds it.
  }
  return '<the public key of this node>';
}

function inAuthorizedKeys(
  name: string,
  root: string,
  { archives }: FarNode,
  state: FarState,
  settings: Settings,
): ToSet[] {
  const open = archives.filter((archive) => !state.locks.includes(archive));
  const lines = open.map((directory) => {
    const command = receiverCommand({ directory, mayRead: true }, root);
    return `${keyOptions(command)} ${publicKey(settings)}`;
  });
  if (lines.length === 0) return [];
  return [
    {
      where: `authorized_keys of ${state.user} on ${name}, to limit the key of this node to its archive (distrib2warm then needs another key: --identity)`,
      lines,
    },
  ];
}

const toml = (text: string): string => (text.includes("'") ? JSON.stringify(text) : `'${text}'`);

function inOurConfiguration(root: string, { ssh, configurationFile }: Settings): ToSet[] {
  const program = join(root, 'bin', 'twowarm');
  if (ssh.receiver === program) return [];
  return [{ where: `${configurationFile} here`, lines: ['[ssh]', `receiver = ${toml(program)}`] }];
}

/** PostgreSQL would get 126 from a program that its user cannot come to. */
function onTheWay(name: string, { server, user, closed }: FarState): ToSet[] {
  if (server === undefined || server === user || closed.length === 0) return [];
  return [
    {
      where: `the directories above it on ${name}, unless ${server}, whose server runs there, may enter them (or choose another place: --directory)`,
      lines: closed.map((directory) => `chmod o+x ${shellWord(directory)}`),
    },
  ];
}

/** All that is not set yet, as far as it can be seen from here and by the user who logs in there. */
export function whatToSet(node: FarNode, state: FarState, settings: Settings): ToSet[] {
  const root = join(state.directory, 'current');
  return [
    ...onTheWay(node.name, state),
    ...inServerConfiguration(node.name, root, state),
    ...inServices(node.name, root, state),
    ...(node.archives.length > 0 ? inOurConfiguration(root, settings) : []),
    ...inAuthorizedKeys(node.name, root, node, state, settings),
  ];
}
