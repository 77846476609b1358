// Things that cost more to make than to use again, such as buffers: at most so many, and who finds none waits, first come, first
// served. So that much work under way at once costs no more than that.

export class Pool<T> {
  private readonly free: T[] = [];
  private readonly waiting: ((one: T) => void)[] = [];
  private readonly make: () => T;
  private unmade: number;

  constructor(most: number, make: () => T) {
    this.unmade = most;
    this.make = make;
  }

  /** One that nobody uses; whoever takes it gives it back. */
  async take(): Promise<T> {
    const one = this.free.pop();
    if (one !== undefined) return one;
    if (this.unmade === 0) return new Promise<T>((resolve) => this.waiting.push(resolve));
    this.unmade -= 1;
    return this.make();
  }

  give(one: T): void {
    const next = this.waiting.shift();
    if (next === undefined) this.free.push(one);
    else next(one);
  }

  /** Takes one for what `make` makes of it, whose owner gives it back; where that fails it is given back at once. */
  async takeFor<Result>(make: (one: T) => Result | Promise<Result>): Promise<Result> {
    const one = await this.take();
    try {
      return await make(one);
    } catch (error) {
      this.give(one);
      throw error;
    }
  }

  /** Takes one until `use` has ended, well or not. */
  async lend<Result>(use: (one: T) => Promise<Result>): Promise<Result> {
    const one = await this.take();
    try {
      return await use(one);
    } finally {
      this.give(one);
    }
  }
}
