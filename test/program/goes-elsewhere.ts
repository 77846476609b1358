// What of src/program/quick-calls.ts is done at once, and what is not.

/** Whether another thread has the call to do when it returns. */
export async function goesElsewhere(call: () => Promise<unknown>): Promise<boolean> {
  const waiting = (): number =>
    process.getActiveResourcesInfo().filter((name) => name.startsWith('FSReq')).length;
  const before = waiting();
  const running = call();
  const isElsewhere = waiting() > before;
  await running;
  return isElsewhere;
}
