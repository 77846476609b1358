// PostgreSQL's checksum of a page, word by word and slowly: the product's own is another one, so that each proves the other.

const lanes = 32;
const prime = 16_777_619n;
const mask = 0xffff_ffffn;

/** checksumBaseOffsets of src/include/storage/checksum_impl.h. */
const beginnings = [
  ...[0x5b1f36e9, 0xb8525960, 0x02ab50aa, 0x1de66d2a, 0x79ff467a, 0x9bb9f8a3, 0x217e7cd2, 0x83e13d2c],
  ...[0xf8d4474f, 0xe39eb970, 0x42c6ae16, 0x993216fa, 0x7b093b5d, 0x98daff3c, 0xf718902a, 0x0b1c9cdb],
  ...[0xe58f764b, 0x187636bc, 0x5d7b3bb1, 0xe73de7de, 0x92bec979, 0xcca6c0b2, 0x304a0979, 0x85aa43d4],
  ...[0x783125bb, 0x6ca8eaa2, 0xe407eac6, 0x4b5cfc3e, 0x9fbf8c76, 0x15ca20be, 0xf2ca9fd3, 0x959bd756],
];

const step = (sum: bigint, word: bigint): bigint => {
  const mixed = sum ^ word;
  return ((mixed * prime) & mask) ^ (mixed >> 17n);
};

/**
 * The page with another first word, and what makes up for it a row later: the sums of all lanes are the same, and so are its
 * checksum and its digest.
 */
export function colliding(page: Buffer): Buffer {
  const other = Buffer.from(page);
  const begin = BigInt(beginnings[0]!);
  const [first, second] = [BigInt(page.readUInt32LE(0)), BigInt(page.readUInt32LE(lanes * 4))];
  const changed = first ^ 1n;
  other.writeUInt32LE(Number(changed), 0);
  other.writeUInt32LE(Number(second ^ step(begin, first) ^ step(begin, changed)), lanes * 4);
  return other;
}

/** pg_checksum_page of the page at the beginning of `bytes`; what stands in its header for a checksum does not count. */
export function checksumOf(bytes: Buffer, block: number, size = 8192): number {
  const page = Buffer.from(bytes.subarray(0, size));
  page.writeUInt16LE(0, 8);
  const sums = beginnings.map(BigInt);
  for (let at = 0; at < size / 4; at++)
    sums[at % lanes] = step(sums[at % lanes]!, BigInt(page.readUInt32LE(at * 4)));
  const folded = sums.map((sum) => step(step(sum, 0n), 0n)).reduce((all, sum) => all ^ sum, 0n);
  return Number((folded ^ BigInt(block)) % 65_535n) + 1;
}
