// What another tool has already been told, as init takes it over: answers, and a sentence for each thing that has another place
// here, or none.
import type { ArchivingState } from '../../program/archiving-state.ts';
import type { Answers } from './answers.ts';

export interface Note {
  /** What it is about, as it is called there: 'othernode', 'promote_command'. */
  what: string;
  /** What becomes of it; whole sentences. */
  sentence: string;
}

/** Text of a configuration file of the node, kept for configStandby. */
export interface NodeFragment {
  name: 'postgresql.conf' | 'pg_hba.conf';
  /** Where it comes from. */
  path: string;
  text: string;
}

/** Where this node keeps its things. */
export interface OwnPlace {
  dataDirectory: string;
  /** The archive that it will have, as the other nodes have theirs. */
  archive: string;
}

/** A tool that is taken over, before it is known which cluster this is about. */
export interface Predecessor {
  /** As its files say; undefined: they do not. */
  dataDirectory: string | undefined;
  takeOver(place: OwnPlace): TakenOver;
}

export interface TakenOver {
  /** 'the 2warm tree /var/lib/pgsql/2warm' */
  from: string;
  answers: Answers;
  /** On a primary; undefined: nothing is said of it. */
  archiving: ArchivingState | undefined;
  fragments: readonly NodeFragment[];
  notes: readonly Note[];
}
