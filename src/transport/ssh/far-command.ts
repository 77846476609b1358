// A login that runs one command after another on the far side, and what becomes of each.
import type { Duplex, Readable } from 'node:stream';
import { mostSaid, type Ending } from './connect-faults.ts';

/** A command at work on the far side. */
export interface FarCommand {
  /** Its standard input to write to, its standard output to read. */
  stream: Duplex;
  /** Once it has ended and its output is read; where the connection was lost there is no code, and `lost` says why. */
  ended: Promise<Ending & { lost: Error | undefined }>;
}

/** A login that runs one command after another. */
export interface Login {
  /** Who has logged in where, and with which key, as a sentence. */
  words: () => string;
  run: (command: string) => Promise<FarCommand>;
  close: () => void;
}

interface Closing {
  on(event: 'close', hear: () => void): unknown;
}

export function farCommand(
  client: Closing,
  channel: Duplex & { stderr: Readable },
  lost: () => Error | undefined,
): FarCommand {
  const ending: Ending = { said: '', code: undefined };
  channel.stderr.on(
    'data',
    (bytes: Buffer) => (ending.said = `${ending.said}${bytes.toString('utf8')}`.slice(0, mostSaid)),
  );
  channel.on('exit', (status: number | null) => (ending.code = status));
  const ended = new Promise<void>((resolve) => {
    channel.on('close', () => resolve());
    client.on('close', () => resolve());
  });
  return { stream: channel, ended: ended.then(() => ({ ...ending, lost: lost() })) };
}
