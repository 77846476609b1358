// Work on many things, such as files, of which a few are under way at once.

/**
 * The results of `work` in the order of its arguments, of which so many are worked on at once. After the first fault no further
 * one is begun, and it is thrown once nothing is under way any more.
 */
export async function fewAtOnce<From, To>(
  all: readonly From[],
  most: number,
  work: (one: From) => Promise<To>,
): Promise<To[]> {
  const results: To[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < all.length) {
      const index = next;
      next += 1;
      results[index] = await work(all[index]!).catch((error: unknown) => {
        next = all.length;
        throw error;
      });
    }
  };
  const ended = await Promise.allSettled(Array.from({ length: most }, worker));
  for (const one of ended) if (one.status === 'rejected') throw one.reason as Error;
  return results;
}
