// The server of this node as the steps see it: its settings in force where it lets us in, else as its files have them.
import { connect, sqlState, type QueryResultRow, type Session } from '../../postgres/client.ts';
import { parseBoolean } from '../../postgres/parse-configuration.ts';
import { readPostmaster, type Postmaster } from '../../postgres/postmaster-file.ts';
import { parseTime } from '../../postgres/quantity.ts';
import { environmentOf } from '../../postgres/server-environment.ts';
import { readServerSettings, type ServerSettings } from '../../postgres/server-settings.ts';
import { majorVersion } from '../../postgres/version.ts';
import type { Settings } from '../../program/settings/settings.ts';

interface InForceRow {
  name: string;
  setting: string;
  unit: string | null;
  pending_restart: boolean;
}

/** SQLSTATEs of a server that is on its way, or that takes no sessions because it recovers without hot_standby. */
const notYet = '57P03';

/** Of whom the server is. `postgresqlConf`: where that is, if it was never started. */
type Whose = Pick<Settings, 'dataDirectory'> & {
  server: Pick<Settings['server'], 'conninfo'>;
  postgresqlConf?: string | undefined;
};

export class LocalServer {
  /** Undefined: it is not running. */
  readonly postmaster: Postmaster | undefined;
  readonly major: number | undefined;
  readonly files: ServerSettings;
  /** Why there is no session although it is running. */
  fault: string | undefined;
  /** It will take sessions in a moment, or never while it recovers: nothing is wrong with the connection. */
  isOnItsWay = false;
  private session: Session | undefined;
  /** The last statement that was asked for: one after the other, for a session is one conversation. */
  private last: Promise<unknown> = Promise.resolve();
  private readonly inForce = new Map<string, InForceRow>();
  private readonly dataDirectory: string;

  private constructor({ dataDirectory, postgresqlConf }: Whose) {
    this.dataDirectory = dataDirectory;
    this.postmaster = readPostmaster(dataDirectory);
    this.major = majorVersion(dataDirectory);
    this.files = readServerSettings(dataDirectory, undefined, postgresqlConf);
  }

  /** Looks for the server and, if it runs, connects and reads all its settings. */
  static async find(settings: Whose): Promise<LocalServer> {
    const server = new LocalServer(settings);
    if (server.postmaster !== undefined) await server.connect(server.postmaster, settings.server.conninfo);
    return server;
  }

  get letsUsIn(): boolean {
    return this.session !== undefined;
  }

  /** The rows of one statement. Only where it lets us in. */
  rows<Row extends QueryResultRow>(sql: string): Promise<Row[]> {
    const ask = (): Promise<Row[]> => this.session!.rows<Row>(sql);
    const asked = this.last.then(ask, ask);
    this.last = asked.catch(() => undefined);
    return asked;
  }

  /** As the running server has it, else its files: '' where neither says anything. */
  setting(name: string): string {
    return this.inForce.get(name)?.setting ?? this.files.get(name) ?? '';
  }

  isOn(name: string): boolean | undefined {
    return parseBoolean(this.setting(name));
  }

  /** In ms; a bare number in a file counts in `unit`. Undefined where nothing is said of it, or nothing that is a time. */
  timeMs(name: string, unit: 'ms' | 's' | 'min'): number | undefined {
    const row = this.inForce.get(name);
    if (row !== undefined) return parseTime(row.setting, row.unit ?? unit);
    const written = this.files.get(name);
    return written === undefined ? undefined : parseTime(written, unit);
  }

  /** Settings that count only from the next start on. */
  get pendingRestart(): string[] {
    return [...this.inForce.values()].filter((row) => row.pending_restart).map(({ name }) => name);
  }

  /** Whether a setting is known of the running server, and not by files alone. */
  isInForce(name: string): boolean {
    return this.inForce.has(name);
  }

  /** Whether its files switch on what a running server has off: only a restart is missing. */
  lacksRestart(name: string): boolean {
    return this.inForce.has(name) && parseBoolean(this.files.get(name) ?? '') === true;
  }

  /** The environment that its commands are run in; undefined where that is not to be seen. */
  get environment(): Record<string, string> | undefined {
    return this.postmaster === undefined ? undefined : environmentOf(this.postmaster.pid);
  }

  async close(): Promise<void> {
    await this.session?.close();
  }

  private async connect(postmaster: Postmaster, conninfo: string | undefined): Promise<void> {
    if (postmaster.status !== 'ready') {
      this.isOnItsWay = true;
      this.fault = `it is ${postmaster.status ?? 'starting'}`;
      return;
    }
    try {
      this.session = await connect(postmaster, this.dataDirectory, conninfo, 'twowarm check');
      const sql = 'select name, setting, unit, pending_restart from pg_settings';
      for (const row of await this.rows<InForceRow & Record<string, unknown>>(sql))
        this.inForce.set(row.name, row);
    } catch (error) {
      this.isOnItsWay = sqlState(error) === notYet;
      this.fault = error instanceof Error && error.message !== '' ? error.message : String(error);
    }
  }
}
