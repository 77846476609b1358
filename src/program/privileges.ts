// Run by root, every program becomes the owner of the data directory first: what it then can read and write is what
// the server can, what it leaves behind is the server's, and a dry run tells the truth.
import { statSync } from 'node:fs';

/** Gives root's rights up for those of the owner of the data directory; nothing happens for anybody else. */
export function becomeOwnerOf(dataDirectory: string): void {
  if (process.geteuid?.() !== 0) return;
  const { uid, gid } = statSync(dataDirectory);
  if (uid === 0) return;
  process.setgroups!([gid]);
  process.setgid!(gid);
  process.setuid!(uid);
}
