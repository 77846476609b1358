// A wait for a segment of which a later one is there already: replay cannot go past it, and whoever looks at the log should
// not have to find that out by listing archives. Listed seldom, said once; it changes nothing about the wait.
import { readSegmentSize } from '../../postgres/control-file.ts';
import { bounded } from '../../program/bounded.ts';
import { ProgramError } from '../../program/program-error.ts';
import { withoutSecret } from '../../program/road-url.ts';
import { sayOnce } from '../../program/say-once.ts';
import type { ReadTransport } from '../../transport/transport.ts';
import { parseWalFileName, segmentName } from '../../wal/filename.ts';
import { timelinesOf, type Line } from '../../wal/line.ts';
import { segmentNumber } from '../../wal/segment.ts';
import type { Asking } from '../ask-sources.ts';
import { linesAround, type Segment } from '../timelines/followed-line.ts';
import { withSources } from '../timelines/histories.ts';

/** Files may arrive a little out of order: the first listing of a wait is not before this, in ms, the next ones later. */
const firstAfterMs = 10_000;
const nextAfterMs = 60_000;
const limitMs = 5000;

export class LaterThere {
  private readonly asking: Asking;
  private readonly name: Segment;
  private isOver = false;
  private dueAt = performance.now() + firstAfterMs;

  constructor(asking: Asking, name: Segment) {
    this.asking = asking;
    this.name = name;
  }

  /** How long until the next listing is due, in ms. */
  get dueInMs(): number {
    return Math.max(0, this.dueAt - performance.now());
  }

  /** Lists the sources if it is time to, and does not hold up the wait: a source may hang when somebody triggers. */
  lookIfDue(): void {
    if (this.dueInMs > 0) return;
    this.dueAt = performance.now() + nextAfterMs;
    this.look().catch((error: unknown) => {
      // What is wrong with a source, the wait itself says.
      if (!this.asking.stop.aborted && !(error instanceof ProgramError)) throw error;
    });
  }

  private async look(): Promise<void> {
    const { node, voice } = this.asking;
    const found = await withSources(this.asking, (sources) => this.find(sources));
    if (found === undefined || this.isOver) return;
    const message = `restore_command waits for ${this.name.name}; ${found.later} is at ${withoutSecret(found.url)} already`;
    const hint =
      'Replay cannot go past it. If it does not arrive, another archive may have it: restore.sources takes several.';
    await sayOnce(node.identity.stateDirectory, 'later-there', this.name.name, () =>
      voice.report('LOG', { message, hint }),
    );
  }

  /** The wait is over, and nothing more is said of it. */
  end(): void {
    this.isOver = true;
  }

  private async find(sources: readonly ReadTransport[]): Promise<{ later: string; url: string } | undefined> {
    const { lines } = await linesAround(this.asking, this.name, sources);
    // Where it is not known which line is followed, nothing is known of what is later on it.
    if (lines.length !== 1) return undefined;
    for (const source of sources) {
      const names = await bounded(`list ${source.url}`, limitMs, this.asking.stop, (signal) =>
        source.list(signal),
      );
      const later = this.firstLater(names, lines[0]!);
      if (later !== undefined) return { later, url: source.url };
    }
    return undefined;
  }

  /** Positions are compared as text: eight digits each, whatever the timeline before them. */
  private firstLater(names: readonly string[], line: Line): string | undefined {
    const segmentSize = readSegmentSize(this.asking.node.settings.dataDirectory);
    const positionOf = (name: string): string => name.slice(8);
    let first: string | undefined;
    for (const name of names) {
      if (name.length !== this.name.name.length || positionOf(name) <= positionOf(this.name.name)) continue;
      if (first !== undefined && positionOf(name) >= positionOf(first)) continue;
      const file = parseWalFileName(name);
      const number = file?.kind === 'segment' ? segmentNumber(file, segmentSize) : undefined;
      if (number === undefined) continue;
      const onLine = segmentName(timelinesOf(line, number, segmentSize)[0]!, number, segmentSize);
      if (onLine === name) first = name;
    }
    return first;
  }
}
