// Under whose name a road writes what is not yet, or never, part of an archive: its temporary files, and the notes of them.
import type { Identity } from './transport.ts';

/** The id of the node that does the work. Only it can tell whether a temporary file of its own is abandoned. */
export const writerOf = ({ writer, nodeId }: Identity): string => writer ?? nodeId;
