// A segment that a destination is known to have: put again when a road is opened, before anything else, it tells whether
// the destination still has what it had.
import { parseWalFileName } from '../wal/filename.ts';

const isSegment = (key: string): boolean => parseWalFileName(key)?.kind === 'segment';

export class Proof {
  private segment: string | undefined;
  private underWay: string | undefined;
  private isDone = false;

  /** Whether the destination was asked since the road was opened, or there is nothing to ask for. */
  get isProven(): boolean {
    return this.isDone;
  }

  /** All that is here: the newest segment that the destination is known to have is the next proof. */
  choose(keys: readonly string[], lacking: ReadonlySet<string>): void {
    this.segment = keys.findLast((key) => isSegment(key) && !lacking.has(key)) ?? this.segment;
  }

  /** Nothing is known of the destination: what is under way counts as any other file. */
  forget(): void {
    this.segment = undefined;
    this.giveUp();
  }

  carried(key: string): void {
    if (isSegment(key)) this.segment = key;
  }

  /** What is to be put first; undefined where all may go on. */
  begin(): string | undefined {
    if (this.segment === undefined) this.isDone = true;
    if (this.isDone) return undefined;
    return (this.underWay = this.segment);
  }

  isUnderWay(key: string): boolean {
    return key === this.underWay;
  }

  /** The destination has answered. */
  end(): void {
    this.underWay = undefined;
    this.isDone = true;
  }

  /** It has not, or the road is closed. */
  giveUp(): void {
    this.underWay = undefined;
    this.isDone = false;
  }
}
