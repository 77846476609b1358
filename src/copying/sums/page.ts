// A page as it is compared.

/** Also of a cluster whose own pages have another size. */
export const pageBytes = 8192;

/** How many pages a chunk of this length has, the last perhaps a part of one. */
export const pagesIn = (length: number): number => Math.ceil(length / pageBytes);

/**
 * Which of these pages of a chunk of `length` bytes are there whole, too; a last one that is short only where both end with it.
 * `thereBytes`: of what is there, from the beginning of the chunk to the end of its file.
 */
export const heldOf = (pages: readonly number[], length: number, thereBytes: number): number[] =>
  pages.filter(
    (page) =>
      (page + 1) * pageBytes <= Math.min(length, thereBytes) ||
      (length === thereBytes && page < pagesIn(length)),
  );

/** `pages` of a chunk that follow each other, from number `page` of the chunk on, which is 0 for its first. */
export interface PageRun {
  page: number;
  pages: number;
}
