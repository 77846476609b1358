// The value of rsync's -e: the system's ssh with what [ssh] says. rsync takes it apart itself, at spaces and with quotes of
// its own kind; ssh then takes the value of a -o apart once more, in another way.
import type { RsyncPlace } from '../../program/rsync-url.ts';
import type { SshSettings } from '../../program/settings/settings.ts';

/** For rsync (do_cmd in main.c): a quote within a quoted word is doubled; a backslash is an ordinary character. */
const rsyncWord = (word: string): string =>
  /^[\w/.,:=@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", "''")}'`;

/** A path in the value of an ssh option: in quotes, because spaces divide paths, and without percent sequences. */
const sshPath = (path: string): string =>
  `"${path.replaceAll('%', '%%').replace(/["\\]/g, (special) => `\\${special}`)}"`;

/** Silence for the length of the idle limit ends the connection, after it was asked for several times. */
function aliveOptions(idleLimitMs: number): string[] {
  const limit = Math.max(1, Math.round(idleLimitMs / 1000));
  const interval = Math.max(1, Math.floor(limit / 3));
  return [
    `ServerAliveInterval=${interval}`,
    `ServerAliveCountMax=${Math.max(1, Math.floor(limit / interval))}`,
  ];
}

function optionsOf(login: SshSettings): string[] {
  const { identityFiles, knownHosts, agent, connectLimitMs, idleLimitMs } = login;
  return [
    ...(identityFiles ?? []).map((path) => `IdentityFile=${sshPath(path)}`),
    ...(identityFiles === undefined ? [] : ['IdentitiesOnly=yes']),
    ...(knownHosts === undefined
      ? []
      : [`UserKnownHostsFile=${knownHosts.map(sshPath).join(' ')}`, 'GlobalKnownHostsFile=/dev/null']),
    ...(agent === undefined ? [] : [`IdentityAgent=${sshPath(agent)}`]),
    `ConnectTimeout=${Math.max(1, Math.ceil(connectLimitMs / 1000))}`,
    ...aliveOptions(idleLimitMs),
  ];
}

/**
 * 'ssh -o BatchMode=yes …', as rsync reads it. The user's own configuration counts where [ssh] says nothing, and the file that
 * ssh.config_file names in its place; of 'none' ssh reads none.
 */
export function sshCommand({ user, port }: RsyncPlace, login: SshSettings | undefined): string {
  const options = [
    // Nobody is there to be asked, and a key that is not known yet is not trusted.
    'BatchMode=yes',
    'StrictHostKeyChecking=yes',
    // A connection that outlives rsync would keep its output open; what a person forwards is not for us.
    'ControlMaster=no',
    'ClearAllForwardings=yes',
    ...(login === undefined ? [] : optionsOf(login)),
  ];
  const words = [
    'ssh',
    ...(login?.configFile === undefined ? [] : ['-F', login.configFile]),
    ...options.flatMap((option) => ['-o', option]),
    ...(user === undefined ? [] : ['-l', user]),
    ...(port === undefined ? [] : ['-p', String(port)]),
  ];
  return words.map(rsyncWord).join(' ');
}
