// The one door to pino: text in PostgreSQL's style to stderr, one JSON object a line to a file if the configuration
// names one. Both synchronous: a program that lives 40 ms must not lose its last words. Loaded only to say something.
import { statSync } from 'node:fs';
import { multistream, pino, type Logger } from 'pino';
import { giveToOwnerOf } from './file-owner.ts';
import { formatReport, writeOut, type Level, type Report } from './print-error.ts';

/** Facts of an event, for the JSON file. */
export type Fields = Record<string, string | number | boolean | string[]>;

const levels: Record<Level, 'error' | 'warn' | 'info'> = { ERROR: 'error', WARNING: 'warn', LOG: 'info' };

export interface LogFile {
  path: string;
  /** twowarm's home, whose owner the file is for. */
  home: string;
}

interface Line {
  severity?: Level;
  program: string;
  msg: string;
  detail?: string;
  hint?: string;
}

/** Writes a log line as PostgreSQL would; an event without severity is for the file only. */
function writeText(json: string): void {
  const { severity, program, msg, detail, hint } = JSON.parse(json) as Line;
  if (severity !== undefined) writeOut(2, formatReport(program, severity, { message: msg, detail, hint }));
}

/** Appends to the file. A disk that is full must not fail the archiving that would empty it. */
function openFile({ path, home }: LogFile): ReturnType<typeof pino.destination> {
  const there = statSync(path, { throwIfNoEntry: false });
  // A FIFO would block for ever, a device is no log.
  if (there?.isFile() === false) throw new Error(`"${path}" is not a regular file`);
  const destination = pino.destination({ dest: path, sync: true, mode: 0o600 });
  destination.on('error', () => undefined);
  // Made by root's hand, it would shut the server out. Its directory may be a common one (/var/log), so not that owner.
  if (there === undefined) giveToOwnerOf(home, path);
  return destination;
}

export class Log {
  private readonly logger: Logger;

  constructor(program: string, file: LogFile | undefined) {
    const streams: { level: 'info'; stream: { write(line: string): void } }[] = [
      { level: 'info', stream: { write: writeText } },
    ];
    let unusable: string | undefined;
    if (file !== undefined) {
      try {
        streams.push({ level: 'info', stream: openFile(file) });
      } catch (error) {
        unusable = error instanceof Error ? error.message : String(error);
      }
    }
    const base = { program, pid: process.pid };
    this.logger = pino({ base, timestamp: pino.stdTimeFunctions.isoTime }, multistream(streams));
    // Losing the log must not stop the archiving that it is about.
    if (unusable !== undefined)
      this.report('WARNING', { message: `could not open the log file: ${unusable}` });
  }

  report(severity: Level, report: Report, fields: Fields = {}): void {
    const { message, detail, hint } = report;
    this.logger[levels[severity]]({ severity, detail, hint, ...fields }, message);
  }

  /** Something that went as it should: only the JSON file hears of it. */
  event(message: string, fields: Fields): void {
    this.logger.info(fields, message);
  }
}
