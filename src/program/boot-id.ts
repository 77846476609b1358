// One life of this machine, by which two processes find out that they are on the same one.
import { readFileSync } from 'node:fs';

/** From /proc/sys/kernel/random/boot_id; empty where there is none. */
export function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  } catch {
    return '';
  }
}
