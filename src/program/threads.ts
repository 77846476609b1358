// libuv's threads, on which system calls wait. A dead network file system keeps the threads of the calls that hang, so a
// healthy road beside it needs some of its own. Must be said before the first call that waits.

/** Each road may have up to four calls under way; one more road's worth for everything else. */
export function reserveThreads(roads: number): void {
  if (roads > 1) process.env['UV_THREADPOOL_SIZE'] = String(4 * (roads + 1));
}
