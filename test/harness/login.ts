// How a node of the tests logs in on a real OpenSSH server of theirs, as its settings say it.
import type { SshSettings } from '../../src/program/settings/settings.ts';
import { program } from './installation.ts';
import type { Sshd } from './sshd.ts';

/** With the server's client key and known host key, and nothing of an ssh_config. */
export const loginOf = (
  { clientKey, knownHosts }: Pick<Sshd, 'clientKey' | 'knownHosts'>,
  changes: Partial<SshSettings> = {},
): SshSettings => ({
  configFile: 'none',
  identityFiles: [clientKey],
  knownHosts: [knownHosts],
  agent: undefined,
  receiver: program('twowarm'),
  connectLimitMs: 20_000,
  idleLimitMs: 20_000,
  ...changes,
});
