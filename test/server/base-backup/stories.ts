// What each major of PostgreSQL goes through as the source of a copy: each of the dimensions occurs in some of them.

export interface Story {
  major: number;
  road: 'file' | 'ssh';
  mode: 'hot' | 'warm';
  checksums: boolean;
  /** In MB; another one than 16 needs 11. */
  segmentMb: 16 | 64;
  hasTablespace: boolean;
  hasWalLink: boolean;
  /** In names of directories and files. */
  hasSpaces: boolean;
  /** What is copied once more: the standby, after it has run; or the former primary, from the promoted standby. */
  again: 'standby' | 'former primary';
}

const table: [number, Story['road'], Story['mode'], string, Story['again']][] = [
  [10, 'file', 'hot', 'checksums tablespace', 'former primary'],
  [11, 'ssh', 'warm', 'wal-link 64', 'standby'],
  [12, 'file', 'warm', 'checksums tablespace wal-link', 'standby'],
  [13, 'ssh', 'hot', 'tablespace 64', 'former primary'],
  [14, 'ssh', 'hot', 'checksums wal-link spaces', 'standby'],
  [15, 'file', 'hot', 'checksums tablespace spaces 64', 'former primary'],
  [16, 'ssh', 'warm', 'checksums tablespace wal-link', 'standby'],
  [17, 'file', 'warm', 'spaces', 'former primary'],
  [18, 'ssh', 'hot', 'checksums tablespace wal-link 64', 'former primary'],
];

export const stories: readonly Story[] = table.map(([major, road, mode, words, again]) => {
  const has = (word: string): boolean => words.split(' ').includes(word);
  return {
    ...{ major, road, mode, again },
    checksums: has('checksums'),
    segmentMb: has('64') ? 64 : 16,
    hasTablespace: has('tablespace'),
    hasWalLink: has('wal-link'),
    hasSpaces: has('spaces'),
  };
});
