// What a step of twowarm check declares about itself, and what it finds. The run, --only, --json and docs/check.md are made
// from these declarations; no step prints anything.
import type { Scene } from './scene.ts';

/** `skipped`: it could not be judged, or need not be, and that is no fault. */
export type Level = 'ok' | 'skipped' | 'unknown' | 'warning' | 'critical';

export interface Finding {
  level: Level;
  /** One line in PostgreSQL's style, without a full stop. */
  message: string;
  /** Sentences. */
  detail?: string | undefined;
  /** What to do, as sentences; every finding that is not ok has one. */
  hint?: string | undefined;
  /** What was measured, for --json; units are in the names. */
  figures?: Readonly<Record<string, number | string | boolean | null>>;
}

export type Role = 'primary' | 'standby' | 'recovery';

export interface Step {
  /** Kebab-case; stays the same for ever, scripts name it. */
  id: string;
  /** What is tested, for the documentation: sentences. */
  looksAt: string;
  /** Where it is done; default everywhere. A server in recovery counts as a standby. */
  where?: 'primary' | 'standby';
  /** Only with --full. */
  isFull?: true;
  /** Without these nothing can be judged: where one of them is critical, unknown or skipped, this one is skipped. */
  needs?: readonly string[];
  /** These come first, whatever they find. */
  after?: readonly string[];
  /** What it is done for, one by one: the names of the destinations. Default: once. */
  subjects?(scene: Scene): readonly string[];
  /** The end of "could not …" when its time is over. */
  doing(scene: Scene, subject: string): string;
  /** How bad a fault is that it throws; default unknown. */
  faultIs?(scene: Scene, subject: string): Level;
  /** At least one finding; what it throws becomes one. */
  run(scene: Scene, signal: AbortSignal, subject: string): Finding[] | Promise<Finding[]>;
}
