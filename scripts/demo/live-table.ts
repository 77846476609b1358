// The live table: on a terminal refreshed in place, elsewhere a plain line about once a second.
import { setTimeout as sleep } from 'node:timers/promises';

import { observe, type Observation } from './observe.ts';
import type { Scene } from './scene.ts';
import type { Writer } from './writer.ts';

const isTerminal = process.stdout.isTTY;
const everyMs = isTerminal ? 250 : 1000;

export class LiveTable {
  private readonly scene: Scene;
  private readonly writer: Writer;
  private readonly startedMs = performance.now();
  private linesOnScreen = 0;

  constructor(scene: Scene, writer: Writer) {
    this.scene = scene;
    this.writer = writer;
  }

  /** Refreshes until `work` is over. */
  async showUntil(work: Promise<unknown>): Promise<void> {
    const over = new AbortController();
    const end = (): void => over.abort();
    work.then(end, end);
    while (!over.signal.aborted) {
      await this.refresh();
      await sleep(everyMs, undefined, { signal: over.signal }).catch(() => undefined);
    }
  }

  private async refresh(): Promise<void> {
    const observation = await observe(this.scene, this.writer);
    const seconds = (performance.now() - this.startedMs) / 1000;
    const lines = isTerminal ? tableOf(observation, seconds) : [lineOf(observation, seconds)];
    const up = this.linesOnScreen > 0 ? `\x1b[${this.linesOnScreen}A` : '';
    const width = process.stdout.columns || 80;
    const text = lines.map((line) => (isTerminal ? `\x1b[2K${line.slice(0, width - 1)}` : line)).join('\n');
    process.stdout.write(`${up}${text}\n`);
    this.linesOnScreen = isTerminal ? lines.length : 0;
  }

  /** What is on the screen stays there. */
  async end(): Promise<void> {
    await this.refresh().catch(() => undefined);
    this.linesOnScreen = 0;
  }
}

const unknown = 'unknown';
const bytesText = (bytes: number | undefined): string =>
  bytes === undefined ? unknown : `${bytes.toLocaleString('en-US')} bytes`;
const secondsText = (seconds: number | undefined): string =>
  seconds === undefined ? unknown : `${seconds.toFixed(1)} s`;

export function tableOf(seen: Observation, seconds: number): string[] {
  const rate = Math.round(seen.committed / Math.max(seconds, 0.001));
  const failures = seen.failedCount === 0 ? '' : `, ${seen.failedCount} failed attempts`;
  return [
    '',
    `     rows committed on the primary      ${seen.committed}  (${rate} a second)`,
    `     rows to be seen on the standby     ${seen.visible ?? unknown}`,
    `     last segment archived              ${seen.lastArchived ?? 'none yet'}${failures}`,
    `     last LSN replayed on the standby   ${seen.replayed ?? unknown}`,
    `     lag in bytes                       ${bytesText(seen.lagBytes)}`,
    `     lag in time                        ${secondsText(seen.lagSeconds)}  (age of the oldest row not yet there)`,
    '',
  ];
}

export function lineOf(seen: Observation, seconds: number): string {
  return [
    `     ${seconds.toFixed(1).padStart(4)} s`,
    `committed ${seen.committed}`,
    `visible ${seen.visible ?? unknown}`,
    `archived ${seen.lastArchived ?? 'none yet'}`,
    `replayed ${seen.replayed ?? unknown}`,
    `lag ${secondsText(seen.lagSeconds)}, ${bytesText(seen.lagBytes)}`,
  ].join('  ');
}
