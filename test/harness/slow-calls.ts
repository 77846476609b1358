// A program whose system calls hang: strace holds each one up, which is what a dead network file system looks like
// from inside. Unlike there, the process only vanishes when the delay is over: the tracer has to see its threads end.
import { quoted } from './node-fixture.ts';

export interface SlowCalls {
  calls: readonly string[];
  delayMs: number;
  /** Only calls on this path, or on a descriptor of it. */
  path?: string;
}

/**
 * A command line that runs `line` with some system calls taking longer. The tracer stays in the background, so that
 * the process that is started is the program itself. Names that this machine's architecture lacks are passed over.
 */
export function withSlowCalls(line: string, { calls, delayMs, path }: SlowCalls): string {
  const traced = calls.map((call) => `?${call}`).join(',');
  const inject = `inject=${traced}:delay_enter=${delayMs * 1000}`;
  const options = [
    ...['-D', '-f', '-qqq', '-o', '/dev/null', '-e', `trace=${traced}`, '-e', inject],
    ...(path === undefined ? [] : ['-P', path]),
  ];
  // The tracer has things to say about threads that end while they are held; the program's words go past it.
  return `exec strace ${options.map(quoted).join(' ')} sh -c ${quoted(`exec ${line} 2>&9 9>&-`)} 9>&2 2>/dev/null`;
}
