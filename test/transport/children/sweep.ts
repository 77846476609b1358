// Sweeps what is unfinished and prints how it ended and how long it took, in ms; then leaves as a program does.
import { leave } from '../../../src/program/leave.ts';
import { sweepUnfinished } from '../../../src/transport/unfinished.ts';

export interface SweepFacts {
  stateDirectory: string;
  nodeId: string;
  /** Stops it after this time, in ms. */
  stopAfterMs?: number;
}

const { stateDirectory, nodeId, stopAfterMs } = JSON.parse(process.argv[2]!) as SweepFacts;
const stop = new AbortController();
if (stopAfterMs !== undefined) setTimeout(() => stop.abort(new Error('stopped')), stopAfterMs).unref();
const started = performance.now();
const outcome = await sweepUnfinished(stateDirectory, nodeId, stop.signal).then(
  () => 'went on',
  (error: Error) => error.message,
);
process.stdout.write(JSON.stringify({ outcome, ms: performance.now() - started }));
leave(0);
