// One node as distrib2warm works on it: a login, and what the scripts do there.
import { Transform, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants, createGzip, createZstdCompress } from 'node:zlib';
import { bounded } from '../../program/bounded.ts';
import type { SshSettings } from '../../program/settings/settings.ts';
import type { Login } from '../../transport/ssh/far-command.ts';
import { backScript, switchScript } from './switch-scripts.ts';
import { aboutLogin, requireEnded } from './far-faults.ts';
import { runFarScript, textOf, textsOf, type FarInput, type FarLine } from './far-script.ts';
import { readFarState, type FarState } from './far-state.ts';
import { installScript } from './install-script.ts';
import { lookScript } from './look-script.ts';
import type { FarNode } from './nodes.ts';
import type { Package, PackageFile } from './package-files.ts';
import { tarOf } from './tar-stream.ts';

/** What becomes known while a copy is made. */
export interface CopyListener {
  /** Before anything travels. */
  needed: (files: readonly PackageFile[]) => void;
  /** So many bytes of the files have been read, and so many are on the line. */
  progress: (fileBytes: number, wireBytes: number) => void;
  /** Any other line that the script says. */
  line: (line: FarLine) => void;
}

export interface Switched {
  /** Names of versions; undefined: there was none. */
  before: string | undefined;
  after: string;
  removed: string[];
  /** What is not removed because processes run from it. */
  kept: string[];
}

const counting = (add: (bytes: number) => void): Transform =>
  new Transform({
    transform: (chunk: Buffer, _, done) => {
      add(chunk.length);
      done(null, chunk);
    },
  });

/** How the archive is compressed, and what undoes it there. */
function compressionFor(decompressors: readonly string[]): { compress: Transform; command: string } {
  if (decompressors.includes('zstd')) return { compress: createZstdCompress(), command: 'zstd -dcq' };
  if (decompressors.includes('gzip'))
    return { compress: createGzip({ level: constants.Z_BEST_SPEED }), command: 'gzip -dc' };
  return { compress: counting(() => undefined), command: 'cat' };
}

/** For a look, which changes nothing, in ms: a disk over there that hangs would be waited for without end. */
const lookLimitMs = 60_000;

export class FarSide {
  readonly node: FarNode;
  private readonly login: Login;
  private readonly directory: string;

  private constructor(node: FarNode, login: Login, directory: string) {
    this.node = node;
    this.login = login;
    this.directory = directory;
  }

  /** Logs in; `directory` is where twowarm is kept there. Throws the fault of the login. */
  static async open(
    node: FarNode,
    login: SshSettings,
    directory: string,
    signal: AbortSignal,
  ): Promise<FarSide> {
    const { logInOverSsh } = await import('../../transport/ssh/open-ssh.ts');
    try {
      return new FarSide(node, await logInOverSsh(node.road, login, signal), directory);
    } catch (error) {
      signal.throwIfAborted();
      throw aboutLogin(node.name, error);
    }
  }

  close(): void {
    this.login.close();
  }

  async look(signal: AbortSignal, limitMs = lookLimitMs): Promise<FarState> {
    return bounded(`look at ${this.node.name}`, limitMs, signal, async (within) =>
      readFarState(await this.run('look at', lookScript, this.node.archives, within)),
    );
  }

  /**
   * Brings the version there, verified, run and durable, and used by nobody yet; its name there, and what it has said of
   * itself.
   */
  async install(
    files: Package,
    state: FarState,
    listener: CopyListener,
    signal: AbortSignal,
  ): Promise<{ place: string; report: string }> {
    const { compress, command } = compressionFor(state.decompressors);
    const send = async (stream: Writable, heard: readonly FarLine[]): Promise<void> => {
      const paths = new Set(textsOf(heard, 'need'));
      const needed = files.files.filter(({ path }) => paths.has(path));
      listener.needed(needed);
      const [read, wire] = [{ bytes: 0 }, { bytes: 0 }];
      const tell = (which: { bytes: number }) => (bytes: number) => {
        which.bytes += bytes;
        listener.progress(read.bytes, wire.bytes);
      };
      await pipeline(tarOf(needed), counting(tell(read)), compress, counting(tell(wire)), stream);
    };
    const words = [files.name, String(Buffer.byteLength(files.manifest)), files.id, command];
    const input = { first: files.manifest, send, hear: listener.line };
    const lines = await this.run('copy to', installScript, words, signal, input);
    return { place: textOf(lines, 'ready')!, report: textOf(lines, 'runs')! };
  }

  /** From the moment on that this begins until it has ended, which version is used is not known. */
  async switchTo(place: string, { id }: Package, signal: AbortSignal): Promise<Switched> {
    const lines = await this.run('switch', switchScript, [place, id], signal);
    return {
      before: textOf(lines, 'switched') || undefined,
      after: place,
      removed: textsOf(lines, 'removed'),
      kept: textsOf(lines, 'kept'),
    };
  }

  async goBack(signal: AbortSignal): Promise<Switched & { report: string }> {
    const lines = await this.run('go back on', backScript, [], signal);
    const [before, after] = textOf(lines, 'switched')!.split(' ');
    return {
      before: before || undefined,
      after: after!,
      removed: [],
      kept: [],
      report: textOf(lines, 'runs')!,
    };
  }

  private async run(
    doing: string,
    script: string,
    words: readonly string[],
    signal: AbortSignal,
    input?: FarInput,
  ): Promise<readonly FarLine[]> {
    const answer = await runFarScript(this.login, script, [this.directory, ...words], signal, input);
    const { name } = this.node;
    requireEnded(answer, { name, directory: this.directory, doing, login: this.login });
    return answer.lines;
  }
}
