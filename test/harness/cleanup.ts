// What must be undone when the process ends, however it ends: by itself, by Ctrl-C or by SIGTERM. Only SIGKILL gets
// past it; for a test run, global-setup.ts then finds what a killed worker left behind.
const undo = new Set<() => void>();
let registered = false;

/**
 * Calls `action` (which cannot be asynchronous) when this process ends.
 * @returns a function that takes the promise back.
 */
export function atExit(action: () => void): () => void {
  if (!registered) register();
  undo.add(action);
  return () => undo.delete(action);
}

function register(): void {
  registered = true;
  process.once('exit', undoAll);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      undoAll();
      process.kill(process.pid, signal);
    });
  }
}

function undoAll(): void {
  // Last in, first out: programs end before their directory goes.
  for (const action of [...undo].reverse()) {
    undo.delete(action);
    try {
      action();
    } catch (error) {
      process.stderr.write(`test harness: could not clean up: ${String(error)}\n`);
    }
  }
}
