// Buffers of one chunk that all copies of this process share: fresh memory costs more than reading into it.
import { Pool } from '../../program/pool.ts';
import { chunkBuffer } from '../sums/memory.ts';

/** 8 MB: more do not make it faster. */
const pool = new Pool(16, () => chunkBuffer());

/** Lends a buffer of a chunk, with whatever bytes are in it, until `use` has ended. */
export const withBuffer = <T>(use: (buffer: Buffer) => Promise<T>): Promise<T> => pool.lend(use);
