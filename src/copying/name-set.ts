// Names of files, as many as a directory has, in little memory: a million of them take some 30 MB, where a Set takes over 100.

/** What a Set of names is, too. */
export interface Names extends Iterable<string> {
  has(name: string): boolean;
}

/** In the place of a name that was taken out; no name has it. */
const taken = 0x2f;
const empty = 0;
/** Of a slot whose name was taken out: whoever looks for another one goes on. */
const passed = 0xffff_ffff;

export class NameSet implements Names {
  size = 0;
  /** The names in the order in which they came, each ended by a zero. */
  private bytes = Buffer.alloc(256);
  private used = 0;
  /** Where a name begins, plus 1, by its hash; a power of two of them, of which most a half is in use. */
  private slots = new Uint32Array(32);
  private inUse = 0;

  /** Without zeros, as every name of a file. */
  add(name: string): void {
    this.addBytes(Buffer.from(name, 'utf8'));
  }

  addBytes(name: Buffer): void {
    if (this.find(name) !== undefined) return;
    if ((this.inUse + 1) * 2 > this.slots.length) this.grow();
    const begin = this.append(name);
    this.put(begin);
    this.size += 1;
  }

  has(name: string): boolean {
    return this.find(Buffer.from(name, 'utf8')) !== undefined;
  }

  delete(name: string): boolean {
    const slot = this.find(Buffer.from(name, 'utf8'));
    if (slot === undefined) return false;
    this.bytes[this.slots[slot]! - 1] = taken;
    this.slots[slot] = passed;
    this.size -= 1;
    return true;
  }

  /** In the order in which they came; also those that come meanwhile. */
  *[Symbol.iterator](): Generator<string, void, undefined> {
    for (let at = 0; at < this.used;) {
      const end = this.bytes.indexOf(0, at);
      if (this.bytes[at] !== taken) yield this.bytes.toString('utf8', at, end);
      at = end + 1;
    }
  }

  private append(name: Buffer): number {
    const begin = this.used;
    const needed = begin + name.length + 1;
    if (needed > this.bytes.length) {
      const larger = Buffer.alloc(Math.max(needed, 2 * this.bytes.length));
      this.bytes.copy(larger, 0, 0, this.used);
      this.bytes = larger;
    }
    name.copy(this.bytes, begin);
    this.bytes[needed - 1] = 0;
    this.used = needed;
    return begin;
  }

  private grow(): void {
    this.slots = new Uint32Array(2 * this.slots.length);
    this.inUse = 0;
    for (let at = 0; at < this.used; at = this.bytes.indexOf(0, at) + 1)
      if (this.bytes[at] !== taken) this.put(at);
  }

  /** Notes a name that has no slot yet. */
  private put(begin: number): void {
    const mask = this.slots.length - 1;
    let slot = this.hash(this.bytes, begin) & mask;
    while (this.slots[slot] !== empty) slot = (slot + 1) & mask;
    this.slots[slot] = begin + 1;
    this.inUse += 1;
  }

  private find(name: Buffer): number | undefined {
    const mask = this.slots.length - 1;
    for (let slot = this.hash(name, 0) & mask; this.slots[slot] !== empty; slot = (slot + 1) & mask)
      if (this.slots[slot] !== passed && this.isAt(this.slots[slot]! - 1, name)) return slot;
    return undefined;
  }

  private isAt(begin: number, name: Buffer): boolean {
    const end = begin + name.length;
    return this.bytes[end] === 0 && this.bytes.compare(name, 0, name.length, begin, end) === 0;
  }

  /** FNV-1a, over what comes before a zero or the end. */
  private hash(bytes: Buffer, begin: number): number {
    let value = 0x811c_9dc5;
    for (let at = begin; at < bytes.length && bytes[at] !== 0; at++)
      value = Math.imul(value ^ bytes[at]!, 0x0100_0193);
    return (value ^ (value >>> 15)) >>> 0;
  }
}
