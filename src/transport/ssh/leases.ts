// Connections that are open, one for each place and purpose: several roads share one, and one that was just given back
// stays open a moment, because a waiting call asks again at once. One that is being opened is given up by the last who waits.
import { unlessAborted } from '../../program/unless-aborted.ts';

/** How long a connection that nobody uses stays open, in ms. */
const lingerMs = 2000;

/** What was opened, with the connection by which it is known to be open. */
export interface Opened {
  link: { readonly isOpen: boolean; close(): void };
}

/** Opens a connection; `until` aborts when nobody waits for it any more. */
type Open<T extends Opened> = (until: AbortSignal) => Promise<T>;

interface Shared {
  opened: Promise<Opened>;
  /** Once it is open. */
  link?: Opened['link'];
  /** Who use it, or wait for it. */
  users: number;
  giveUp: AbortController;
  closing?: NodeJS.Timeout;
}

const shared = new Map<string, Shared>();

function begin(key: string, open: Open<Opened>): Shared {
  const giveUp = new AbortController();
  const one: Shared = { opened: open(giveUp.signal), users: 0, giveUp };
  shared.set(key, one);
  one.opened.then(
    ({ link }) => (one.link = link),
    () => forget(key, one),
  );
  return one;
}

function forget(key: string, one: Shared): void {
  if (shared.get(key) === one) shared.delete(key);
}

function close(key: string, one: Shared): void {
  forget(key, one);
  one.giveUp.abort(new Error('the connection was closed'));
  one.opened.then(
    ({ link }) => link.close(),
    () => undefined,
  );
}

function giveBack(key: string, one: Shared): void {
  one.users -= 1;
  if (one.users > 0 || shared.get(key) !== one) return;
  // Nobody waits for what is not open yet.
  if (one.link === undefined) return close(key, one);
  one.closing = setTimeout(() => close(key, one), lingerMs);
  // The process need not stay for it.
  one.closing.unref();
}

/** The connection of that key, or a new one; one that has ended is replaced. Throws at once when `signal` aborts. */
export async function lease<T extends Opened>(
  key: string,
  open: Open<T>,
  signal?: AbortSignal,
): Promise<T & { release: () => void }> {
  signal?.throwIfAborted();
  let one = shared.get(key);
  if (one === undefined || one.link?.isOpen === false) one = begin(key, open);
  one.users += 1;
  clearTimeout(one.closing);
  const held = one;
  let isHeld = true;
  const release = (): void => {
    if (isHeld) giveBack(key, held);
    isHeld = false;
  };
  try {
    // Whoever has the same key opens the same.
    return { ...((await unlessAborted(held.opened, signal)) as T), release };
  } catch (error) {
    release();
    throw error;
  }
}

/** Closes what is open, used or not; for whoever ends or must leave nothing behind. */
export function closeConnections(): void {
  for (const [key, one] of shared) {
    clearTimeout(one.closing);
    close(key, one);
  }
}
