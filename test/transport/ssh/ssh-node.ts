// A node whose one destination, and whose one source, is an archive on "another machine": a directory of its own sandbox
// behind a real OpenSSH server. Its programs are called as PostgreSQL calls them.
import { program } from '../../harness/installation.ts';
import { makeNode, type NodeFixture, type NodeOptions } from '../../harness/node-fixture.ts';
import type { Sshd } from '../../harness/sshd.ts';
import { segmentNamed } from '../../harness/wal-files.ts';

/** What of the configuration a test wants otherwise. */
export interface SshChanges {
  url?: string;
  identityFiles?: readonly string[];
  /** Default 'none': what the machine has makes no difference. */
  configFile?: string;
  /** Neither keys nor known_hosts files are named beside it. */
  onlyConfigFile?: boolean;
  knownHosts?: string;
  receiver?: string;
  connectLimit?: string;
  idleLimit?: string;
  /** Of the destination and of the source. */
  timeLimit?: string;
  /** How long restoring tries again; default '1s'. */
  retryLimit?: string;
  /** Further keys of the destination. */
  destination?: string;
}

export interface SshNode extends NodeFixture {
  /** The directory "over there". */
  readonly far: string;
  readonly url: string;
  /** Writes twowarm.toml again, with these changes to the first one. */
  use(changes: SshChanges): void;
}

export const urlOf = (sshd: Sshd, directory: string, port = sshd.port): string =>
  `ssh://${sshd.user}@127.0.0.1:${port}${directory}`;

const list = (paths: readonly string[]): string => `[${paths.map((path) => `'${path}'`).join(', ')}]`;

/** The whole configuration of a node that stores and restores over ssh. */
export function sshToml(sshd: Sshd, url: string, changes: SshChanges = {}): string {
  const { timeLimit = '20s', destination = '' } = changes;
  return `[destination.db2]
url = '${changes.url ?? url}'
time_limit = '${timeLimit}'
${destination}[restore]
sources = ['${changes.url ?? url}']
time_limit = '${timeLimit}'
retry_limit = '${changes.retryLimit ?? '1s'}'
${sshSection(sshd, changes)}`;
}

/** [ssh] alone. */
export const sshSection = (sshd: Sshd, changes: SshChanges = {}): string => `[ssh]
config_file = '${changes.configFile ?? 'none'}'
${changes.onlyConfigFile === true ? '' : ownSettings(sshd, changes)}receiver = '${changes.receiver ?? program('twowarm')}'
connect_limit = '${changes.connectLimit ?? '10s'}'
idle_limit = '${changes.idleLimit ?? '10s'}'
`;

const ownSettings = (
  sshd: Sshd,
  changes: SshChanges,
): string => `identity_files = ${list(changes.identityFiles ?? [sshd.clientKey])}
known_hosts = ['${changes.knownHosts ?? sshd.knownHosts}']
`;

/** A node that may log in, and has stored segment 1 over there unless `used` is false. */
export async function sshNode(label: string, sshd: Sshd, options: NodeOptions = {}): Promise<SshNode> {
  const node = await makeNode(label, {
    ...options,
    directories: ['far', 'twowarm/archive', ...(options.directories ?? [])],
    configuration: (path) => sshToml(sshd, urlOf(sshd, path('far'))),
  });
  const far = node.path('far');
  const url = urlOf(sshd, far);
  return { ...node, far, url, use: (changes) => node.configure(sshToml(sshd, url, changes)) };
}

/** The name of a segment to archive that is not the first one. */
export const anotherSegment = segmentNamed(0x21);
