// Builds WAL page headers byte by byte, in both layouts and byte orders, from the offsets in the reference (trap
// T7) and not from the code under test. Other folders' tests may build their segments with it.

export interface HeaderFields {
  magic: number;
  info: number;
  timeline: number;
  pageAddress: bigint;
  systemIdentifier: bigint;
  segmentSize: number;
  blockSize: number;
  littleEndian: boolean;
  /** The layout of 9.2 and older. */
  legacyLayout: boolean;
}

/** The header of a segment's first page: 40 bytes, 32 in the legacy layout. */
export function longHeader(fields: HeaderFields): Uint8Array<ArrayBuffer> {
  const { littleEndian } = fields;
  const rest = fields.legacyLayout ? 16 : 24;
  const bytes = new Uint8Array(rest + 16);
  bytes.set(shortHeader(fields));
  const view = new DataView(bytes.buffer);
  view.setBigUint64(rest, fields.systemIdentifier, littleEndian);
  view.setUint32(rest + 8, fields.segmentSize, littleEndian);
  view.setUint32(rest + 12, fields.blockSize, littleEndian);
  return bytes;
}

/** The header of any other page: 24 bytes, 16 in the legacy layout. */
export function shortHeader(
  fields: Omit<HeaderFields, 'systemIdentifier' | 'segmentSize' | 'blockSize'>,
): Uint8Array<ArrayBuffer> {
  const { littleEndian, legacyLayout, pageAddress } = fields;
  const view = new DataView(new ArrayBuffer(legacyLayout ? 16 : 24));
  view.setUint16(0, fields.magic, littleEndian);
  view.setUint16(2, fields.info, littleEndian);
  view.setUint32(4, fields.timeline, littleEndian);
  if (legacyLayout) {
    view.setUint32(8, Number(pageAddress >> 32n), littleEndian);
    view.setUint32(12, Number(pageAddress & 0xffff_ffffn), littleEndian);
  } else {
    view.setBigUint64(8, pageAddress, littleEndian);
    // xlp_rem_len, so that a reader with the wrong offsets meets something.
    view.setUint32(16, 0x5a5a5a5a, littleEndian);
  }
  return new Uint8Array(view.buffer);
}
