// Who runs servers and programs in the tests. PostgreSQL refuses to run as root, and twowarm's programs run as the
// server's user, so a test run started by root hands both to an unprivileged user.
import { spawnSync } from 'node:child_process';
import { chownSync } from 'node:fs';
import { userInfo } from 'node:os';

export interface ServerUser {
  uid: number;
  gid: number;
  name: string;
  home: string;
}

let found: ServerUser | undefined;

/** Ourselves, unless we are root: then `postgres` if the machine has that user, else `nobody`. */
export function serverUser(): ServerUser {
  found ??= findServerUser();
  return found;
}

/** Whether this process is root and the server user therefore is somebody else. */
export function runsAsRoot(): boolean {
  return process.getuid?.() === 0;
}

/** Whether the server user can enter this directory and read it. */
export function serverUserCanEnter(directory: string): boolean {
  // Asked by trying: permissions of every parent, mount options and access lists all have a say.
  const { uid, gid } = serverUser();
  const identity = runsAsRoot() ? { uid, gid } : {};
  const attempt = spawnSync('/bin/sh', ['-c', 'cd -- "$1" && test -r .', 'sh', directory], {
    ...identity,
    cwd: '/',
    env: {},
    stdio: 'ignore',
  });
  return attempt.status === 0;
}

/** Gives a file or directory to the server user. */
export function giveToServerUser(path: string): void {
  const { uid, gid } = serverUser();
  if (runsAsRoot()) chownSync(path, uid, gid);
}

function findServerUser(): ServerUser {
  if (!runsAsRoot()) {
    const { uid, gid, username, homedir } = userInfo();
    return { uid, gid, name: username, home: homedir };
  }
  for (const name of ['postgres', 'nobody']) {
    const entry = spawnSync('getent', ['passwd', name], { encoding: 'utf8' });
    const [, , uid, gid, , home] = entry.stdout.trim().split(':');
    if (entry.status === 0 && uid && gid)
      return { uid: Number(uid), gid: Number(gid), name, home: home ?? '/' };
  }
  throw new Error(
    'the tests run as root and need an unprivileged user for servers: neither postgres nor nobody exists',
  );
}
