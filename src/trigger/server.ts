// The server as triggerStandby sees it: by its files always, by SQL where a connection is possible. Under hot_standby =
// off there is none until the end, and a server that lets nobody in is promoted all the same.
import { connect, sqlState, type Session } from '../postgres/client.ts';
import { readDatabaseState } from '../postgres/database-state.ts';
import { notRunning } from '../postgres/not-running.ts';
import { readPostmaster, type Postmaster } from '../postgres/postmaster-file.ts';
import { readServerSettings } from '../postgres/server-settings.ts';
import type { ThisNode } from '../postgres/this-node.ts';
import { ProgramError } from '../program/program-error.ts';

/** SQLSTATE cannot_connect_now: it is starting or stopping. */
const notYet = '57P03';

/** How long after a connection that failed the next one is tried, in ms. */
const connectPauseMs = 250;

/** A commit that is durable here and changes nothing; `local`, because a standby that is waited for may be gone. */
const proof =
  "begin read write; set local synchronous_commit = local; select pg_logical_emit_message(true, 'twowarm', 'accepts writes'); commit";

/** The running server of the node; `server-not-running` where there is none. */
export async function findServer(node: ThisNode): Promise<Server> {
  const postmaster = readPostmaster(node.settings.dataDirectory);
  if (postmaster !== undefined) return new Server(node, postmaster);
  const toStart = 'Start it, then run triggerStandby again';
  throw notRunning(node.settings, 'A standby is promoted while it runs.', toStart);
}

export class Server {
  readonly pid: number;
  readonly dataDirectory: string;
  /** Why the last connection, or the last write, failed. */
  lastFault: string | undefined;
  private readonly conninfo: string | undefined;
  private current: Session | undefined;
  private notBefore = 0;
  /** The last connection was refused, and not because the server is only on its way. */
  private letsNobodyIn = false;

  constructor({ settings }: ThisNode, postmaster: Postmaster) {
    this.dataDirectory = settings.dataDirectory;
    this.conninfo = settings.server.conninfo;
    this.pid = postmaster.pid;
  }

  /** The same postmaster as at first: one that was started since knows nothing of a promotion. */
  isAlive(): boolean {
    return readPostmaster(this.dataDirectory)?.pid === this.pid;
  }

  /** A session, if the server takes connections and lets us in; why not is `lastFault`. */
  async session(): Promise<Session | undefined> {
    if (this.current?.isOpen() === true) return this.current;
    this.current = undefined;
    const postmaster = readPostmaster(this.dataDirectory);
    if (postmaster?.status !== 'ready' || performance.now() < this.notBefore) return undefined;
    try {
      this.current = await connect(postmaster, this.dataDirectory, this.conninfo, 'triggerStandby');
      this.lastFault = undefined;
      this.letsNobodyIn = false;
    } catch (error) {
      if (error instanceof ProgramError) throw error;
      this.notBefore = performance.now() + connectPauseMs;
      this.lastFault = `could not connect: ${reasonOf(error)}`;
      this.letsNobodyIn = sqlState(error) !== notYet;
    }
    return this.current;
  }

  /** The first column of the first row; undefined where it cannot be asked. */
  async value(sql: string): Promise<string | undefined> {
    const session = await this.session();
    if (session === undefined) return undefined;
    try {
      const [row] = await session.rows(sql);
      const value: unknown = Object.values(row ?? {})[0];
      if (value === undefined || value === null) return undefined;
      return typeof value === 'string' ? value : JSON.stringify(value);
    } catch (error) {
      await this.drop(error);
      return undefined;
    }
  }

  /** Runs a statement for its effect: 'done', or the SQLSTATE of the refusal, or undefined where nobody could be asked. */
  async perform(sql: string): Promise<string | undefined> {
    const session = await this.session();
    if (session === undefined) return undefined;
    try {
      await session.rows(sql);
      return 'done';
    } catch (error) {
      await this.drop(error);
      return sqlState(error);
    }
  }

  /** A setting in force, else as the server's files have it. */
  async setting(name: string): Promise<string | undefined> {
    const inForce = await this.value(`select current_setting('${name}', true)`);
    return inForce ?? readServerSettings(this.dataDirectory).get(name);
  }

  /** Whether it is no standby any more; where no connection is possible, what pg_control and postmaster.pid say. */
  async isPrimary(): Promise<boolean> {
    if (readDatabaseState(this.dataDirectory).state !== 'in production') return false;
    if (readPostmaster(this.dataDirectory)?.status !== 'ready') return false;
    if ((await this.session()) === undefined) return this.letsNobodyIn;
    return (await this.value('select pg_is_in_recovery()')) === 'false';
  }

  /** Whether a commit goes through; 'untried' for a primary that does not let us in. */
  async acceptsWrites(): Promise<boolean | 'untried'> {
    if (!(await this.isPrimary())) return false;
    if ((await this.session()) === undefined) return this.letsNobodyIn ? 'untried' : false;
    return (await this.perform(proof)) === 'done';
  }

  async close(): Promise<void> {
    await this.current?.close();
  }

  /** After a fault a session may be within a failed transaction. */
  private async drop(error: unknown): Promise<void> {
    this.lastFault = reasonOf(error);
    const session = this.current;
    this.current = undefined;
    await session?.close();
  }
}

const reasonOf = (error: unknown): string =>
  error instanceof Error ? error.message || String(error) : String(error);
