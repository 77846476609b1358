// The checksums that a manifest may have of its files.

/** As pg_basebackup --manifest-checksums has them, with their names in the manifest; the first one is PostgreSQL's own choice, too. */
export const checksumNames = ['CRC32C', 'SHA224', 'SHA256', 'SHA384', 'SHA512', 'NONE'] as const;

export type ChecksumName = (typeof checksumNames)[number];
