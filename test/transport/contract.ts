// The contract suite: rules 1 to 7 of src/transport/transport.ts as tests that every road runs. A road's own test file
// says how to make an empty archive and adds what only that road has. What a road does not promise is not asked of it. The
// file: road plays all of it in each run, a slow road a third, and always what loses WAL if it breaks.
// The far directory of every road is on this machine, so that the tests can look behind its back.
import { describe } from 'vitest';
import type { Promises, Transport } from '../../src/transport/transport.ts';
import type { Sandbox } from '../harness/sandbox.ts';
import { inTurn, type InTurn } from '../harness/share.ts';
import { fresh, type Opened } from './contract/archive.ts';
import { describeFetching } from './contract/fetching.ts';
import { describeInspection } from './contract/inspection.ts';
import { describeListing } from './contract/listing.ts';
import { describeForeignOwnership } from './contract/foreign-ownership.ts';
import { describeOwnership } from './contract/ownership.ts';
import { describeRaces } from './contract/races.ts';
import { describeStopping } from './contract/stopping.ts';
import { describeStoring } from './contract/storing.ts';

/** An archive that nobody has stored a file in, and an open road to it. */
export interface EmptyArchive {
  road: Transport;
  /** Where the archive is. */
  directory: string;
  /** Another road to it, as another node of the cluster would have. */
  again: () => Promise<Transport>;
}

/** After "cannot claim <url>: ". */
export interface ClaimRefusal {
  words: string;
  detail: string;
  hint: string;
}

/** How the archive's directory holds files, for the looks behind the road's back. */
export interface Storage {
  /** The WAL name of an entry of the directory. */
  nameOf: (entry: string) => string;
  /** Where a file of that name lies. */
  pathOf: (directory: string, name: string) => string;
  /** The file as it was before it was stored. */
  contentOf: (path: string) => Buffer;
}

export interface RoadUnderTest {
  /** The road plays a third of the cases, those with this turn. Default: all of them. */
  turn?: 0 | 1 | 2;
  /** An archive of another machine: contents are compared there by their hash, and nothing can be removed. */
  isFar?: boolean;
  /** A far road that fetches a file of the same length to see where it differs. */
  fetchesToCompare?: boolean;
  /** What a far road says that removes nothing. Default: 'a receiver removes nothing'. */
  removesNothing?: string;
  /** What a road says to a claim that it cannot make exclusively; then it is asked to obey the claims of others all the same. */
  refusesClaims?: ClaimRefusal;
  /** What the road must declare. */
  promises: Promises;
  /** Makes an archive inside the sandbox, with which it goes; the road is closed by the suite. */
  open: (sandbox: Sandbox) => Promise<EmptyArchive>;
  /** Default: plain, under their own names. */
  storage?: Storage;
}

/** Everything the contract promises, for one road. */
export function describeRoad(name: string, road: RoadUnderTest): void {
  const opened: Opened = () => fresh(road);
  const its = (): InTurn => inTurn(road.turn === undefined ? 1 : 3, road.turn);
  describe(`${name} stores`, () => describeStoring(opened, road, its()));
  describe(`${name} inspects`, () => describeInspection(opened, its()));
  if (road.promises.exclusive) describe(`${name} with two writers`, () => describeRaces(opened, its()));
  describe(`${name} fetches and looks`, () => describeFetching(opened, its()));
  describe(`${name} lists and removes`, () => describeListing(opened, road, its()));
  const { refusesClaims } = road;
  if (refusesClaims === undefined) describe(`${name} takes`, () => describeOwnership(opened, its()));
  else describe(`${name} takes`, () => describeForeignOwnership(opened, refusesClaims, its()));
  describe(`${name} stops`, () => describeStopping(opened, its()));
}
