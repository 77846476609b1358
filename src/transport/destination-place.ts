// Where a destination is, as its ledger remembers it: <home>/state/ledger/<destination>/place. Debts go by the name of a
// destination; one whose URL has changed is another place, where nothing of the former one is known.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Report } from '../program/print-error.ts';
import { errnoOf, fromSystemError } from '../program/program-error.ts';
import { withoutSecret } from '../program/road-url.ts';
import type { Destination } from '../program/settings/settings.ts';
import { replaceSmallFile } from '../program/small-file.ts';
import { Ledger, type LedgerPlace } from './ledger.ts';

type Named = Pick<Destination, 'name' | 'url'>;

const placePath = ({ name }: Named, { stateDirectory }: LedgerPlace): string =>
  join(stateDirectory, 'ledger', name, 'place');

function recallPlace(destination: Named, ledger: LedgerPlace): string | undefined {
  const path = placePath(destination, ledger);
  try {
    return readFileSync(path, 'utf8').trimEnd();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw fromSystemError(error, `could not read ${path}`);
  }
}

function writePlace(destination: Named, ledger: LedgerPlace): void {
  new Ledger(destination.name, ledger).prepare();
  replaceSmallFile(placePath(destination, ledger), `${withoutSecret(destination.url)}\n`, ledger.nodeId);
}

/** Notes where the destination is, durably, unless that is on record already: then noteMoved compares. */
export function notePlace(destination: Named, ledger: LedgerPlace): void {
  if (recallPlace(destination, ledger) === undefined) writePlace(destination, ledger);
}

/**
 * Where the destination was elsewhere until now: what is known of that place is forgotten, debts stay, and the warning comes
 * back, once. A dry run changes nothing, and is told each time.
 */
export function noteMoved(destination: Named, ledger: LedgerPlace, isDryRun: boolean): Report | undefined {
  const [before, now] = [recallPlace(destination, ledger), withoutSecret(destination.url)];
  if (before === now) return undefined;
  if (before !== undefined && !isDryRun) new Ledger(destination.name, ledger).forget();
  if (!isDryRun) writePlace(destination, ledger);
  if (before === undefined) return undefined;
  const { name } = destination;
  return {
    message: `${name} was at ${before} until now; what ${before} has is not known of ${now}`,
    detail: `What ${name} is owed goes to ${now}; nothing else of what ${before} has is carried there by this.`,
    hint: `A relay carries what its own archive has. If both are one archive by two names, nothing is to be done.`,
  };
}
