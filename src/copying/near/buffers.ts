// Buffers of one chunk that all copies of this process share: fresh memory costs more than reading into it.
import { Pool } from '../../program/pool.ts';
import { chunkBytes } from '../target.ts';

/** 8 MB: more do not make it faster. */
const pool = new Pool(16, () => Buffer.allocUnsafeSlow(chunkBytes));

/** Lends a buffer of `chunkBytes`, with whatever bytes are in it, until `use` has ended. */
export const withBuffer = <T>(use: (buffer: Buffer) => Promise<T>): Promise<T> => pool.lend(use);
