// The tablespaces of a cluster, as its server tells of them or its links.

export interface Tablespace {
  /** Decimal digits. */
  oid: string;
  /** Absolute; relative for one that is a directory within the data directory (allow_in_place_tablespaces). */
  location: string;
}

/** Those beside the data directory. */
export const besideOf = (tablespaces: readonly Tablespace[]): Tablespace[] =>
  tablespaces.filter(({ location }) => location.startsWith('/'));
