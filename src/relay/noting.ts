// What the relay and rsyncDR note of a destination, as archive_command does (archive/policies/attempts.ts): whoever shows
// how it stands shows the truth on a node that relays, too. Nothing in a dry run.
import type { ThisNode } from '../postgres/this-node.ts';
import { endFailing, noteFailing, noteReached, readFailing } from '../program/destination-notes.ts';
import { ProgramError } from '../program/program-error.ts';
import type { Destination } from '../program/settings/settings.ts';
import type { Listener } from './listener.ts';

/** It takes files again, or still. */
function noteAnswered({ settings, identity }: ThisNode, { name }: Destination): void {
  if (!identity.dryRun) endFailing(settings.home, name);
}

/** It has the file. */
export function noteBrought(node: ThisNode, destination: Destination, file: string): void {
  if (node.identity.dryRun) return;
  noteReached(node.settings.home, destination.name, { at: new Date().toISOString(), file });
  noteAnswered(node, destination);
}

/** A listener of carriers that notes what it hears, and passes it on. */
export const noting = (node: ThisNode, listener: Listener): Listener => ({
  ...listener,
  carried: (carrier, key, carried) => {
    noteBrought(node, carrier.destination, key);
    listener.carried(carrier, key, carried);
  },
  answered: (carrier) => {
    noteAnswered(node, carrier.destination);
    listener.answered(carrier);
  },
  failed: (carrier, fault) => {
    noteFault(node, carrier.destination, carrier.next ?? '', fault);
    listener.failed(carrier, fault);
  },
});

/** It failed; `file` is what it should have had, empty where nothing waited. That a copy cannot be had is no fault of it. */
export function noteFault(
  { settings, identity }: ThisNode,
  { name, timeLimitMs }: Destination,
  file: string,
  fault: unknown,
): void {
  if (identity.dryRun || !(fault instanceof ProgramError) || fault.kind === 'source-unreachable') return;
  const before = readFailing(settings.home, name);
  const at = new Date().toISOString();
  noteFailing(settings.home, name, {
    since: before?.since ?? at,
    at,
    file,
    reason: fault.message,
    tookMs: fault.kind === 'timed-out' ? timeLimitMs : (before?.tookMs ?? 0),
    wholeAt: at,
  });
}
