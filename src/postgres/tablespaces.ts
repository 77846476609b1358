// The tablespaces of a cluster as its server tells of them.

export interface Tablespace {
  /** Decimal digits. */
  oid: string;
  /** Absolute; relative for one that is a directory within the data directory (allow_in_place_tablespaces). */
  location: string;
}

/** Rows of Tablespace: all but those that every cluster has, in the order of their numbers. */
export const tablespacesSql =
  "select oid::text as oid, pg_tablespace_location(oid) as location from pg_tablespace where pg_tablespace_location(oid) <> '' order by pg_tablespace.oid";

/** Those beside the data directory. */
export const besideOf = (tablespaces: readonly Tablespace[]): Tablespace[] =>
  tablespaces.filter(({ location }) => location.startsWith('/'));
