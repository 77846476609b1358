// Whom a file belongs to and what others may do with it, in words, for whoever was denied access.
import { readFileSync, statSync } from 'node:fs';
import { userInfo } from 'node:os';

/** The name of a user of this machine; 'user id 123' for one that /etc/passwd does not have. */
export function nameOfUser(uid: number): string {
  try {
    const self = userInfo();
    if (self.uid === uid) return self.username;
    const lines = readFileSync('/etc/passwd', 'latin1').split('\n');
    const found = lines.map((line) => line.split(':')).find(([, , id]) => id === String(uid));
    if (found?.[0] !== undefined) return found[0];
  } catch {
    // A machine without user names.
  }
  return `user id ${uid}`;
}

/** Owner and mode of what is there ('root', '0700'); undefined for what cannot be looked at. */
export function ownerAndMode(path: string): { uid: number; owner: string; mode: string } | undefined {
  try {
    const { uid, mode } = statSync(path);
    return { uid, owner: nameOfUser(uid), mode: `0${(mode & 0o7777).toString(8)}` };
  } catch {
    return undefined;
  }
}
