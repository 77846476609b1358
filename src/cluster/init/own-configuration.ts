// A node that has its configuration already, and is called again without an answer, to show its lines or to apply settings: the
// configuration answers, and stays as it is.
import { existsSync, readFileSync } from 'node:fs';
import type { ProgramCall } from '../../program/command.ts';
import { fromSystemError } from '../../program/program-error.ts';
import { checkConfiguration } from '../../program/settings/check.ts';
import { locateKeys } from '../../program/settings/key-lines.ts';
import type { Configuration } from '../../program/settings/keys.ts';
import { parseToml } from '../../program/settings/read.ts';
import { answersOfOptions, type Answers, type NodeRole } from './answers.ts';

export interface OwnConfiguration {
  text: string;
  answers: Answers;
}

/** Whether an option says what the configuration is to be. */
function isAnswered(call: ProgramCall): boolean {
  const others = ['generate-key', 'from-2warm', 'from-repmgr'];
  return (
    Object.keys(answersOfOptions(call)).some((name) => name !== 'role') ||
    others.some((name) => call.options[name] !== undefined && call.options[name] !== false)
  );
}

function answersOf({ node, archive, destination, restore, ssh, cluster }: Configuration): Answers {
  const found: { [Key in keyof Answers]: Answers[Key] | undefined } = {
    name: node.name,
    role: node.role,
    pgBindir: node.pg_bindir,
    conninfo: node.conninfo,
    startCommand: node.start_command,
    stopCommand: node.stop_command,
    reloadCommand: node.reload_command,
    archiveDirectory: archive.directory,
    destinations: Object.entries(destination).map(([name, { url, policy, data_directory }]) => ({
      ...{ name, url, policy },
      ...(data_directory !== undefined && { dataDirectory: data_directory }),
    })),
    sources: restore.sources,
    arbiter: cluster.arbiter ?? '',
    receiver: ssh.receiver,
    identityFiles: ssh.identity_files,
    copyIdentityFiles: ssh.copy_identity_files,
    knownHosts: ssh.known_hosts,
  };
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined));
}

/** Undefined: there is none, or the options answer. `role`: as the server is, where it can be seen. */
export function ownConfiguration(
  call: ProgramCall,
  file: string,
  role: NodeRole | undefined,
): OwnConfiguration | undefined {
  if (isAnswered(call) || !existsSync(file)) return undefined;
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw fromSystemError(error, `could not read the configuration ${file}`);
  }
  const configuration = checkConfiguration(file, parseToml(file, text), locateKeys(text).of);
  const answers = answersOf(configuration);
  // A server cannot tell which standby is the one for disasters.
  const seen = role === 'standby' ? (answers.role ?? role) : role;
  return { text, answers: { ...answers, ...(seen !== undefined && { role: seen }) } };
}
