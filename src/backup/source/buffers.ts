// The buffers that files are read into: few, and used again, because a first touch of fresh memory costs more than reading the
// page. How many there are bounds how much is under way.
import { chunkBuffer } from '../../copying/sums/memory.ts';
import { Pool } from '../../program/pool.ts';

export type Buffers = Pool<Buffer>;

export const buffersOf = (count: number): Buffers => new Pool<Buffer>(count, () => chunkBuffer());
