// A page as it is compared.

/** Also of a cluster whose own pages have another size. */
export const pageBytes = 8192;

/** How many pages a chunk of this length has, the last perhaps a part of one. */
export const pagesIn = (length: number): number => Math.ceil(length / pageBytes);

/** `pages` of a chunk that follow each other, from number `page` of the chunk on, which is 0 for its first. */
export interface PageRun {
  page: number;
  pages: number;
}
