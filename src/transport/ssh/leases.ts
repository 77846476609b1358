// Connections that are open, one for each place and purpose: several roads share one, and one that was just given back
// stays open a moment, because a waiting call asks again at once.
import type { Lease } from './asking-road.ts';

/** How long a connection that nobody uses stays open, in ms. */
const lingerMs = 2000;

/** Without the count of those who use it. */
export type Opened = Omit<Lease, 'release'>;

interface Shared {
  opened: Promise<Opened>;
  users: number;
  closing?: NodeJS.Timeout;
}

const shared = new Map<string, Shared>();

function close(key: string, { opened }: Shared): void {
  shared.delete(key);
  opened.then(
    ({ link }) => link.close(),
    () => undefined,
  );
}

function giveBack(key: string, one: Shared): void {
  one.users -= 1;
  if (one.users > 0 || shared.get(key) !== one) return;
  one.closing = setTimeout(() => close(key, one), lingerMs);
  // The process need not stay for it.
  one.closing.unref();
}

/** The connection of that key, or a new one; one that has ended is replaced. */
export async function lease(key: string, open: () => Promise<Opened>): Promise<Lease> {
  let one = shared.get(key);
  if (one === undefined || !(await isUsable(one))) {
    one = { opened: open(), users: 0 };
    shared.set(key, one);
  }
  one.users += 1;
  clearTimeout(one.closing);
  const held = one;
  try {
    const opened = await held.opened;
    let isHeld = true;
    const release = (): void => {
      if (isHeld) giveBack(key, held);
      isHeld = false;
    };
    return { ...opened, release };
  } catch (error) {
    if (shared.get(key) === held) shared.delete(key);
    throw error;
  }
}

const isUsable = ({ opened }: Shared): Promise<boolean> =>
  opened.then(
    ({ link }) => link.isOpen,
    () => false,
  );

/** Closes what is open, used or not; for whoever ends or must leave nothing behind. */
export function closeConnections(): void {
  for (const [key, one] of shared) {
    clearTimeout(one.closing);
    close(key, one);
  }
}
