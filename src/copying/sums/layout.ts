// Where things are in the memory that the WebAssembly of this folder shares, in bytes: for who runs it and for who writes its
// text (scripts/crc32c-fold.ts).

/** How many bytes CRC-32C is folded over at once, and the state has. */
export const blockBytes = 128;
export const stateAt = 128;
/** The tables by which it is folded: 512 bytes. */
export const tablesAt = 256;
/** Of the pages of a chunk: 4 bytes for each of 512, as many as it has of the smallest, 1 kB. */
export const checksumsAt = 1024;
/** The same: 16 bytes for each of 64. */
export const digestsAt = 3072;
/** 8208 bytes. */
export const keyAt = 4096;
/** Room for a chunk that is somewhere else, and behind it for those that are read into this memory. */
export const pagesAt = 16_384;
