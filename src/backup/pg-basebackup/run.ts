// --method pg_basebackup: PostgreSQL's own tool reads the cluster, and its stream goes into the same kind of target as ours.
import type { Target } from '../../copying/target.ts';
import { notRunning } from '../../postgres/not-running.ts';
import { readPostmaster } from '../../postgres/postmaster-file.ts';
import { exec, plainEnvironment } from '../../program/exec.ts';
import { ProgramError } from '../../program/program-error.ts';
import type { Settings } from '../../program/settings/settings.ts';
import type { Buffers } from '../source/buffers.ts';
import type { ChecksumName } from '../source/checksum-names.ts';
import { firstWithManifest } from '../source/manifest.ts';
import { readTar, type Received } from './read-tar.ts';

export interface Asked {
  /** pg_basebackup. */
  program: string;
  settings: Settings;
  major: number;
  /** Whether the first checkpoint is made at once. */
  fast: boolean;
  verifyPages: boolean;
  checksums: ChecksumName;
  label: string;
  target: Target;
  buffers: Buffers;
  progress: (bytes: number) => void;
  environment: Readonly<Record<string, string | undefined>>;
  signal: AbortSignal;
}

/** --verify-checksums is an option since 11. */
const verifiesPages = 11;

/** The connection of the configuration; else by the socket that postmaster.pid names. */
function connectionWords(settings: Settings): string[] {
  const { server, dataDirectory } = settings;
  if (server.conninfo !== undefined) return ['-d', server.conninfo];
  const postmaster = readPostmaster(dataDirectory);
  if (postmaster === undefined) throw notRunning(settings);
  const { socketDirectory, listenAddress, port } = postmaster;
  return ['-h', socketDirectory ?? listenAddress ?? 'localhost', '-p', String(port)];
}

function wordsOf({ settings, major, fast, verifyPages, checksums: name, label }: Asked): string[] {
  const checksums = major >= verifiesPages && !verifyPages ? ['--no-verify-checksums'] : [];
  // -X none: the server waits until all that the copy needs is archived.
  const how = ['-F', 't', '-X', 'none', '-c', fast ? 'fast' : 'spread', '-l', label];
  const manifest = major >= firstWithManifest ? [`--manifest-checksums=${name}`] : [];
  return ['-D', '-', ...how, ...checksums, ...manifest, '-v', '-w', ...connectionWords(settings)];
}

/** Of tar-stream, and of what a stream without its end lacks. */
const isEarlyEnd = (error: unknown): boolean =>
  error instanceof ProgramError
    ? error.kind === 'protocol'
    : /unexpected end/i.test((error as Error).message);

const saidLast = (stderr: string): string => stderr.trim().split('\n').slice(-2).join(' ');

/** Runs it to its end. Throws `server-fault` with its words where it fails. */
export async function runPgBasebackup(asked: Asked): Promise<Received> {
  let received: Received | undefined;
  let fault: unknown;
  const { code, signal, stderr } = await exec(asked.program, wordsOf(asked), {
    signal: asked.signal,
    environment: plainEnvironment(asked.environment),
    read: async (output) => {
      received = await readTar(output, asked).catch((error: unknown) => {
        // Where the stream has ended too early, its own words say more.
        if (!isEarlyEnd(error)) throw error;
        fault = error;
        return undefined;
      });
      output.resume();
    },
  });
  if (code === 0 && fault !== undefined) throw fault as Error;
  if (code !== 0 || received === undefined) {
    const how = code === null ? `was ended by ${signal}` : `ended with exit code ${code}`;
    throw new ProgramError('server-fault', `pg_basebackup ${how}: ${saidLast(stderr) || 'it said nothing'}`, {
      hint: 'It connects as a client of replication: pg_hba.conf has to let it in, and max_wal_senders must leave room.',
    });
  }
  return received;
}
