// Fault injection: a road with the same interface that fails as it is told and is a real road otherwise.
import type { Transport } from '../../src/transport/transport.ts';

export interface FaultyRoad extends Transport {
  /** The verbs called so far, failed ones too, with the time of each call in ms. */
  readonly calls: { verb: string; at: number }[];
}

/** The road, whose first calls fail with these faults, one after the other. */
export function faultyRoad(road: Transport, faults: readonly unknown[]): FaultyRoad {
  const left = [...faults];
  const calls: FaultyRoad['calls'] = [];
  const failing = async <T>(verb: string, call: () => Promise<T>): Promise<T> => {
    calls.push({ verb, at: performance.now() });
    if (left.length === 0) return call();
    throw left.shift();
  };
  return {
    calls,
    url: road.url,
    isVacant: road.isVacant,
    promises: road.promises,
    list: (signal) => failing('list', () => road.list(signal)),
    stat: (name, signal) => failing('stat', () => road.stat(name, signal)),
    get: (name, path, inspect, signal) => failing('get', () => road.get(name, path, inspect, signal)),
    watch: (wake) => road.watch(wake),
    gapOf: (name, signal) => failing('gapOf', () => road.gapOf(name, signal)),
    ownership: (signal) => failing('ownership', () => road.ownership(signal)),
    reservationOf: (timeline, signal) => failing('reservationOf', () => road.reservationOf(timeline, signal)),
    claim: (request, signal) => failing('claim', () => road.claim(request, signal)),
    release: (epoch, signal) => failing('release', () => road.release(epoch, signal)),
    reserve: (request, signal) => failing('reserve', () => road.reserve(request, signal)),
    put: (name, source, inspect, signal) => failing('put', () => road.put(name, source, inspect, signal)),
    recordGap: (gap, signal) => failing('recordGap', () => road.recordGap(gap, signal)),
    remove: (name, signal) => failing('remove', () => road.remove(name, signal)),
    close: () => failing('close', () => road.close()),
  };
}
