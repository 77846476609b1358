// A real OpenSSH server of a test's own: on a free loopback port, with its own host keys and authorized keys, reading
// nothing of /etc/ssh. It runs as the user who logs in, who needs no rights for that; the key files are in ssh-keys.ts.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { appendFileSync, closeSync, existsSync, openSync, readFileSync, rmSync } from 'node:fs';
import { basename } from 'node:path';

import { atExit } from './cleanup.ts';
import { freePort } from './free-port.ts';
import type { Sandbox } from './sandbox.ts';
import { runsAsRoot, serverUser, type ServerUser } from './server-user.ts';
import { makeSshKey, type SshKey, type SshKeyType } from './ssh-keys.ts';
import { connectionProcesses, killSshd, sessionMark, signal } from './sshd-processes.ts';
import { waitFor } from './wait-for.ts';

export interface SshdOptions {
  /** Its directory in the sandbox. Default 'sshd'; servers beside each other need a name each. */
  name?: string;
  /** Which host keys it has, in this order. Default ed25519 alone. */
  hostKeyTypes?: readonly SshKeyType[];
  /** Further lines of sshd_config(5); the first value of a keyword counts, and these come first. */
  configuration?: readonly string[];
  /** Variables of its sessions, without blanks in their values: HOME, or a PATH with programs of the test's own. */
  environment?: Readonly<Record<string, string>>;
  /** Taken for the user's login shell instead of the passwd file's: for the test of what is done without one. */
  loginShell?: string;
}

export interface Sshd extends AsyncDisposable {
  readonly port: number;
  /** Who can log in: the user whom the test runs servers as. */
  readonly user: string;
  /** A key that may log in and run anything; without a passphrase. */
  readonly clientKey: string;
  /** A known_hosts file with `[127.0.0.1]:port` and every host key of the start; not changed by restart(). */
  readonly knownHosts: string;
  /** The file that says who may log in. */
  readonly authorizedKeys: string;
  /** What the real ssh client needs to get in, without anything of a person's configuration; the host comes last. */
  readonly clientOptions: readonly string[];
  /** The public host keys now: 'ssh-ed25519 AAAA… comment'. */
  hostKeys(): readonly string[];
  /** All that it has logged, across restarts (LogLevel VERBOSE). */
  logText(): string;
  /** Lets another key in: `options` as in authorized_keys(5), such as 'restrict,command="…"'. Counts from the next login. */
  addKey(publicLine: string, options?: string): void;
  /** Lets nobody in any more but whom addKey() adds from now on; the client key neither. */
  removeKeys(): void;
  /** Ends every connection and starts again on the same port, with other host keys if that is asked for. */
  restart(changes?: { newHostKeys?: boolean; hostKeyTypes?: readonly SshKeyType[] }): Promise<void>;
  /** Stops the server, its connections and what they run where they are (SIGSTOP): a far side that hangs. */
  pause(): void;
  resume(): void;
  /** Living processes of its connections. */
  connections(): number[];
  /** Ends it with its connections and all that they run. Repeatable. */
  stop(): Promise<void>;
}

type Login = ServerUser & { shell: string };

/** Starts a server and returns once it listens. Dispose of it before its sandbox, which does not know its sessions. */
export async function startSshd(sandbox: Sandbox, options: SshdOptions = {}): Promise<Sshd> {
  const { name = 'sshd', hostKeyTypes = ['ed25519'] } = options;
  const login = loginOf(options.loginShell);
  const port = await freePort();
  const mark = randomUUID();
  const log = sandbox.file(`${name}/log`, '');
  const authorizedKeys = sandbox.file(`${name}/authorized_keys`, '');
  const clientKey = await makeSshKey(sandbox, `${name}/client_key`);
  let hostKeys: SshKey[] = [];
  let listener: ChildProcess | undefined;
  let forget = (): unknown => undefined;

  async function makeHostKeys(types: readonly SshKeyType[]): Promise<void> {
    for (const { path } of hostKeys) for (const file of [path, `${path}.pub`]) rmSync(file);
    hostKeys = [];
    for (const type of types) hostKeys.push(await makeSshKey(sandbox, `${name}/host_${type}`, { type }));
  }

  async function start(): Promise<void> {
    const configuration = sandbox.file(`${name}/sshd_config`, configurationOf(), 0o644);
    const begin = readFileSync(log, 'utf8').length;
    const output = openSync(log, 'a');
    listener = spawnAs(sandbox, login, ['/usr/sbin/sshd', '-D', '-e', '-f', configuration], output);
    closeSync(output);
    const { pid } = listener;
    forget = atExit(() => killSshd(pid!, mark));
    const listens = await waitFor('sshd to listen', () => {
      const said = readFileSync(log, 'utf8').slice(begin);
      if (said.includes(`Server listening on 127.0.0.1 port ${port}.`)) return { said: undefined };
      return listener?.exitCode !== null && { said };
    });
    if (listens.said !== undefined) throw new Error(`sshd ended at once: ${listens.said}`);
  }

  const configurationOf = (): string =>
    [
      ...(options.configuration ?? []),
      `Port ${port}`,
      'ListenAddress 127.0.0.1',
      ...hostKeys.map(({ path }) => `HostKey ${path}`),
      `AuthorizedKeysFile ${authorizedKeys}`,
      'PidFile none',
      // The sandbox lies in a directory that everybody may write to.
      'StrictModes no',
      'UsePAM no',
      'PasswordAuthentication no',
      'KbdInteractiveAuthentication no',
      'PermitUserRC no',
      'PrintMotd no',
      'PrintLastLog no',
      'UseDNS no',
      'LogLevel VERBOSE',
      'MaxStartups 100',
      `SetEnv ${Object.entries({ ...options.environment, [sessionMark]: mark })
        .map(([name, value]) => `${name}=${value}`)
        .join(' ')}`,
      `AllowUsers ${login.name}`,
      '',
    ].join('\n');

  async function stop(): Promise<void> {
    if (listener === undefined) return;
    const runs = listener.exitCode === null && listener.signalCode === null;
    const gone = runs ? new Promise((resolve) => listener!.once('exit', resolve)) : undefined;
    killSshd(listener.pid!, mark);
    await gone;
    listener = undefined;
    forget();
  }

  const everything = (): number[] => [listener!.pid!, ...connectionProcesses(listener!.pid!, mark)];
  const addKey = (line: string, keyOptions = ''): void =>
    appendFileSync(authorizedKeys, `${keyOptions === '' ? '' : `${keyOptions} `}${line}\n`);

  addKey(clientKey.publicLine);
  await makeHostKeys(hostKeyTypes);
  const knownHosts = sandbox.file(
    `${name}/known_hosts`,
    hostKeys.map(({ publicLine }) => `[127.0.0.1]:${port} ${publicLine}\n`).join(''),
  );
  await start();
  return {
    port,
    user: login.name,
    clientKey: clientKey.path,
    knownHosts,
    authorizedKeys,
    clientOptions: clientOptions({ port, user: login.name, key: clientKey.path, knownHosts }),
    hostKeys: () => hostKeys.map(({ publicLine }) => publicLine),
    logText: () => readFileSync(log, 'utf8'),
    addKey,
    removeKeys: () => void sandbox.file(`${name}/authorized_keys`, ''),
    restart: async ({ newHostKeys = false, hostKeyTypes: types } = {}) => {
      await stop();
      if (newHostKeys || types !== undefined) await makeHostKeys(types ?? hostKeyTypes);
      await start();
    },
    pause: () => everything().forEach((pid) => signal(pid, 'SIGSTOP')),
    resume: () => everything().forEach((pid) => signal(pid, 'SIGCONT')),
    connections: () => (listener === undefined ? [] : connectionProcesses(listener.pid!, mark)),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** Options of ssh(1) that use this key and this known_hosts, and nothing that the machine or a person has configured. */
export function clientOptions(way: {
  port: number;
  user: string;
  key: string;
  knownHosts: string;
}): readonly string[] {
  const options = {
    BatchMode: 'yes',
    IdentitiesOnly: 'yes',
    IdentityAgent: 'none',
    StrictHostKeyChecking: 'yes',
    UserKnownHostsFile: way.knownHosts,
    GlobalKnownHostsFile: '/dev/null',
    UpdateHostKeys: 'no',
  };
  const words = Object.entries(options).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
  return ['-F', '/dev/null', '-p', String(way.port), '-l', way.user, '-i', way.key, ...words];
}

/** The server user with the shell of the passwd file (or directory service), or another one. */
function loginOf(otherShell: string | undefined): Login {
  const user = serverUser();
  const entry = spawnSync('getent', ['passwd', String(user.uid)], { encoding: 'utf8' });
  return { ...user, shell: otherShell ?? entry.stdout.trim().split(':')[6] ?? '' };
}

/** sshd runs also a forced command by the login shell of the passwd file, so that has to be a shell. */
const isShell = (shell: string): boolean => /^(ba|da|z|k)?sh$/.test(basename(shell)) && existsSync(shell);

/**
 * Runs sshd as the user who logs in. Where that user has no shell (nobody), the server and its sessions see another
 * passwd file, in which the user has one: a mount in a namespace of their own, which only root can make.
 */
function spawnAs(sandbox: Sandbox, login: Login, command: readonly string[], output: number): ChildProcess {
  const { uid, gid, name, home, shell } = login;
  const how = { cwd: '/', env: { PATH: '/usr/bin:/bin' }, detached: true, stdio: ['ignore', output, output] };
  const asOther = runsAsRoot() ? { uid, gid } : {};
  if (isShell(shell)) return spawn(command[0]!, command.slice(1), { ...how, ...asOther } as object);
  if (!runsAsRoot()) throw new Error(`${name} cannot log in: ${shell} is not a shell (chsh -s /bin/sh)`);
  const line = `${name}:x:${uid}:${gid}::${existsSync(home) ? home : '/'}:/bin/sh`;
  const others = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .filter((each) => !each.startsWith(`${name}:`));
  const passwd = sandbox.file('sshd-passwd', [line, ...others].join('\n'), 0o644);
  const script = 'mount --bind "$1" /etc/passwd && shift && exec setpriv "$@"';
  const identity = [`--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', '--'];
  return spawn('unshare', ['-m', 'sh', '-c', script, 'sh', passwd, ...identity, ...command], how as object);
}
