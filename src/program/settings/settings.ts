// The settings of a node as programs use them: every value present, in plain units. Shapes only: read.ts makes them
// from a configuration file, load.ts keeps them between calls.
import type { Space } from './quantities.ts';

/** A promise that a road does not make (transport/lacks.ts), as `accept` names it. */
export type Lack = 'not-exclusive' | 'not-durable';

export interface Destination {
  /** The name in [destination.<name>]. */
  name: string;
  url: string;
  /** How new segments are stored there. */
  compression: 'none' | 'zstd';
  timeLimitMs: number;
  /** Promises that the road may lack: what `accept` names, or everything where no success rests on this road alone. */
  mayLack: Lack[];
  /** What `accept` names; left out where that is nothing. */
  accept?: Lack[];
  policy: 'required' | 'fallback' | 'best-effort';
  /** Of a fallback, and of no other. */
  standIn: StandIn | undefined;
  /** Of the node there, for base backups; absent where the configuration does not say. */
  dataDirectory?: string;
}

/** How a fallback stands in for required destinations. */
export interface StandIn {
  for: string[];
  /** How long, from the first file on; undefined: without limit. */
  limitMs: number | undefined;
  /** Whether this node keeps a copy, too, until the required destination has the file. */
  hold: boolean;
}

export interface Settings {
  /** twowarm's home: where state/ and the default archive/ are. */
  home: string;
  /** The configuration file in force. */
  configurationFile: string;
  nodeName: string;
  /** Absent for every node that is not the one for disasters. */
  role?: 'dr';
  /** As configured; its real path is where the server runs. */
  dataDirectory: string;
  archiveDirectory: string;
  /** When the consumers of an archive are warned of: how long one may stay away, and how little room there may be. */
  consumers: { warnAfterMs: number; spaceWarnBelow: Space };
  destinations: Destination[];
  /** How the local server is reached; undefined: found. */
  server: {
    programDirectory: string | undefined;
    conninfo: string | undefined;
    /** Lines for a shell; undefined: pg_ctl. */
    commands: { start: string | undefined; stop: string | undefined; reload: string | undefined };
  };
  restore: {
    sources: string[];
    timeLimitMs: number;
    retryLimitMs: number;
    triggerFile: string;
    wait: 'auto' | 'warm' | 'off';
    prune: boolean;
  };
  ssh: SshSettings;
  rsync: RsyncSettings;
  cluster: { arbiter: string | undefined };
  /** Where distrib2warm keeps twowarm on other nodes: absolute, or below the home of who logs in. */
  distribution: { directory: string };
  log: { file: string | undefined };
}

/** How this node logs in elsewhere; undefined: as the documentation of the key says. Limits in ms. */
export interface SshSettings {
  /** A path, or 'none' to read no ssh_config; absent: the files that ssh reads. */
  configFile?: string | undefined;
  identityFiles: readonly string[] | undefined;
  /** For base backups; absent: the same. */
  copyIdentityFiles?: readonly string[];
  knownHosts: readonly string[] | undefined;
  agent: string | undefined;
  receiver: string;
  connectLimitMs: number;
  idleLimitMs: number;
}

/** What a daemon of rsync wants to know. */
export interface RsyncSettings {
  passwordFile: string | undefined;
}

/** One line of configSetup: a value in force and where it came from. */
export interface InForce {
  /** 'destination.db2.url' */
  key: string;
  value: string | number | boolean | string[];
  /** '<file>:<line>', 'default', or the environment variable or option that set it. */
  origin: string;
}
