// The far end of a road: what a connection to an archive is good for. Whoever has not been admitted gets nothing.
import { sweepUnfinished } from '../unfinished.ts';
import { readHello } from '../wire/messages.ts';
import { admit, type Admitted } from './admission.ts';
import { toldFromHere } from './own-side.ts';
import type { Side } from './session.ts';
import type { Terms } from './terms.ts';
import { verbs } from './verbs.ts';

/** The archive of these terms; `others`: what becomes of those who greet for something else. */
export const archiveSide = (terms: Terms, others: Side<Admitted>['greetings'] = {}): Side<Admitted> => ({
  greetings: {
    ...others,
    hello: async (request, talk) => {
      const admitted = await admit(readHello(request), terms);
      const { by, welcome, writable } = admitted;
      if (writable !== undefined) await sweepUnfinished(by.stateDirectory, undefined, talk.signal);
      return { admitted, welcome };
    },
  },
  verbs,
  takesData: ['put'],
  told: (fault) => toldFromHere(fault, terms.directory),
});
