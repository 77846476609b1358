// Run by root, every program becomes the owner of the data directory first: what it then can read and write is what
// the server can, what it leaves behind is the server's, and a dry run tells the truth.
import { statSync } from 'node:fs';

// initgroups(3), which the types of Node leave out.
type WithGroups = NodeJS.Process & { initgroups(user: number, extraGroup: number): void };

/** Gives root's rights up for those of the owner of the data directory; nothing happens for anybody else. */
export function becomeOwnerOf(dataDirectory: string): void {
  if (process.geteuid?.() !== 0) return;
  const { uid, gid } = statSync(dataDirectory);
  if (uid === 0) return;
  process.setgid!(gid);
  try {
    // With the groups that the server's service gives it: an archive may be open to one of them.
    (process as WithGroups).initgroups(uid, gid);
  } catch {
    // A user without a name has no other groups.
    process.setgroups!([gid]);
  }
  process.setuid!(uid);
}
