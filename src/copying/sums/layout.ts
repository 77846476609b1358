// Where things are in the memory that the WebAssembly of this folder shares, in bytes: for who runs it and for who writes its
// text (scripts/crc32c-fold.ts). The sums of page-sums.wat are at 0.

/** How many bytes CRC-32C is folded over at once, and the state has. */
export const blockBytes = 128;
export const stateAt = 128;
/** The tables by which it is folded: 512 bytes. */
export const tablesAt = 256;
/** Room for the pages of a chunk. */
export const pagesAt = 1024;
