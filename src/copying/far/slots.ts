// So many files may be under way at once as the receiver takes conversations; who comes later waits, first come, first served.
import { Pool } from '../../program/pool.ts';

export class Slots {
  private readonly pool: Pool<object>;

  constructor(count: number) {
    this.pool = new Pool(count, () => ({}));
  }

  /** Takes one; resolves with what gives it back, which may be called more than once. */
  async take(): Promise<() => void> {
    const slot = await this.pool.take();
    let isTaken = true;
    return () => {
      if (isTaken) this.pool.give(slot);
      isTaken = false;
    };
  }
}
