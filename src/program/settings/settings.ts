// The settings of a node as programs use them: every value present, in plain units. Shapes only: read.ts makes them
// from a configuration file, load.ts keeps them between calls.
import type { Space } from './quantities.ts';

export interface Destination {
  /** The name in [destination.<name>]. */
  name: string;
  url: string;
  timeLimitMs: number;
}

export interface Settings {
  /** twowarm's home: where state/ and the default archive/ are. */
  home: string;
  /** The configuration file in force. */
  configurationFile: string;
  nodeName: string;
  /** As configured; its real path is where the server runs. */
  dataDirectory: string;
  archiveDirectory: string;
  /** When the consumers of an archive are warned of: how long one may stay away, and how little room there may be. */
  consumers: { warnAfterMs: number; spaceWarnBelow: Space };
  destinations: Destination[];
  /** How the local server is reached; undefined: found. */
  server: { programDirectory: string | undefined; conninfo: string | undefined };
  restore: {
    sources: string[];
    timeLimitMs: number;
    retryLimitMs: number;
    triggerFile: string;
    wait: 'auto' | 'warm' | 'off';
    prune: boolean;
  };
  log: { file: string | undefined };
}

/** One line of configSetup: a value in force and where it came from. */
export interface InForce {
  /** 'destination.db2.url' */
  key: string;
  value: string | number | boolean | string[];
  /** '<file>:<line>', 'default', or the environment variable or option that set it. */
  origin: string;
}
