// The signals that pg_standby knows beside SIGTERM, which is every command's: fast failover by SIGUSR1 and SIGINT, death by
// SIGQUIT. And the name by which killall and pkill find the process.
import { writeFileSync } from 'node:fs';
import { dieOf } from '../../program/leave.ts';
import type { FailoverOrders } from './failover.ts';

/** Takes the signals from now on. */
export function takeSignals(orders: FailoverOrders): void {
  for (const signal of ['SIGUSR1', 'SIGINT'] as const) {
    process.on(signal, () => orders.give('fast', `received ${signal}`));
  }
  // The server's immediate shutdown. Its own default would leave a core file.
  process.on('SIGQUIT', () => dieOf('SIGINT'));
  takeName();
}

/** Scripts say `killall -USR1 pg_standby`; without this the process would be called node. */
function takeName(): void {
  try {
    writeFileSync('/proc/self/comm', 'pg_standby');
  } catch {
    // Without /proc there is no pkill either.
  }
}

/** A SIGUSR1 in the first 20 ms was Node's, which opens a debugger on it: that is closed, and the order taken. */
export async function takeEarlySignal(orders: FailoverOrders): Promise<void> {
  const inspector = await import('node:inspector');
  if (inspector.url() === undefined) return;
  inspector.close();
  orders.give('fast', 'received SIGUSR1');
}
