// The ways in which a server can recover with twowarm and be triggered, and which majors have them: the rows of the
// matrix. Data; what is done with each is trigger-story.ts.
import type { Cluster } from '../harness/cluster.ts';
import { program } from '../harness/installation.ts';
import type { Settings } from '../harness/settings.ts';
import { noPrefetch } from '../harness/standby.ts';

export interface Way {
  title: string;
  mode: 'standby' | 'recovery';
  streams?: boolean;
  /** The last major that has it. */
  until?: number;
  /** The major in which nobody can ask it anything before it is open: hot_standby = off. */
  coldIn: number;
  toml?: (major: number) => string;
  /** Default: restoreWALFile's. */
  restoreCommand?: (home: string) => string;
  settings?: (major: number, primary: Cluster, standbyPath: string) => Settings;
}

const ownTriggerFile = (major: number): string => (major >= 12 ? 'promote_trigger_file' : 'trigger_file');

const pgStandby = (home: string): string =>
  `"${program('pg_standby')}" -t "${home}/trigger" "${home}/archive" %f %p %r`;

export const ways: readonly Way[] = [
  { title: 'standby that waits', mode: 'standby', coldIn: 13, settings: noPrefetch },
  {
    title: 'standby that asks again',
    mode: 'standby',
    coldIn: 16,
    // From 15 on that is what 'auto' does beside the default of recovery_prefetch.
    toml: (major) => (major >= 15 ? '' : "wait = 'off'\n"),
    // A server whose calls take longer than this does not sleep between them, and cannot be held there.
    settings: () => ({ wal_retrieve_retry_interval: '1s' }),
  },
  {
    title: "standby with PostgreSQL's own trigger file beside",
    mode: 'standby',
    until: 15,
    coldIn: 12,
    settings: (major, _primary, path) => ({
      ...noPrefetch(major),
      [ownTriggerFile(major)]: `${path}/own-trigger`,
    }),
  },
  {
    title: 'standby that streams beside the archive',
    mode: 'standby',
    streams: true,
    coldIn: 17,
    settings: (_major, primary) => ({ primary_conninfo: primary.conninfo }),
  },
  {
    title: 'warm recovery',
    mode: 'recovery',
    coldIn: 14,
    toml: () => "wait = 'warm'\n",
    settings: noPrefetch,
  },
  {
    title: 'standby with pg_standby',
    mode: 'standby',
    coldIn: 11,
    restoreCommand: pgStandby,
    settings: noPrefetch,
  },
  {
    title: 'warm recovery with pg_standby',
    mode: 'recovery',
    coldIn: 18,
    restoreCommand: pgStandby,
    settings: noPrefetch,
  },
];

export type How = 'smart' | 'fast';

export interface Cell {
  major: number;
  way: Way;
  how: How;
}

/** Every cell that these majors have. */
export const cellsOf = (majors: readonly number[]): Cell[] =>
  majors.flatMap((major) =>
    ways
      .filter(({ until = Infinity }) => major <= until)
      .flatMap((way) => (['smart', 'fast'] as const).map((how) => ({ major, way, how }))),
  );

export const titleOf = ({ major, way, how }: Cell): string => `PostgreSQL ${major}, ${way.title}, ${how}`;
