// A data directory on "another machine": a real OpenSSH server on loopback, whose sessions run the receiver, and a primary that
// may log in there. What a copy has to bring is a few files made by hand.
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { openFarTarget } from '../../../src/copying/far/open-far-target.ts';
import { chunkBytes, type Outside, type Target } from '../../../src/copying/target.ts';
import type { SshSettings } from '../../../src/program/settings/settings.ts';
import type { SshRoad } from '../../../src/program/ssh-url.ts';
import { loginOf } from '../../harness/login.ts';
import { makeSandbox, type Sandbox } from '../../harness/sandbox.ts';
import { giveToServerUser } from '../../harness/server-user.ts';
import { startSshd, type Sshd } from '../../harness/sshd.ts';
import { neverStopped, nothingOutside, sourceOf } from '../near/scene.ts';

export interface FarScene extends AsyncDisposable {
  sandbox: Sandbox;
  sshd: Sshd;
  login(changes?: Partial<SshSettings>): SshSettings;
  /** A new place over there: <sandbox>/node<n>/data, whose parent is there. */
  place(): string;
  urlOf(directory: string, port?: number): string;
  open(directory: string, options?: Opening): Promise<Target>;
}

export interface Opening {
  login?: Partial<SshSettings>;
  outside?: Outside;
  port?: number;
  signal?: AbortSignal;
}

/** Starts the server; dispose of it at the end. */
export async function farScene(label: string): Promise<FarScene> {
  const sandbox = makeSandbox(label);
  const sshd = await startSshd(sandbox);
  const opened: Target[] = [];
  let places = 0;
  const road = (port = sshd.port): SshRoad => ({
    kind: 'ssh',
    user: sshd.user,
    host: '127.0.0.1',
    written: '127.0.0.1',
    port,
    directory: '/some/archive',
  });
  const login = (changes: Partial<SshSettings> = {}): SshSettings => loginOf(sshd, changes);
  return {
    sandbox,
    sshd,
    login,
    place: () => {
      places += 1;
      return join(sandbox.directory(`node${places}`), 'data');
    },
    urlOf: (directory, port = sshd.port) => `ssh://${sshd.user}@127.0.0.1:${port}${directory}`,
    open: async (
      directory,
      { login: changes, outside = nothingOutside, port, signal = neverStopped } = {},
    ) => {
      const target = await openFarTarget(road(port), directory, outside, login(changes), signal);
      opened.push(target);
      return target;
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(opened.map((target) => target.close()));
      await sshd.stop();
      await sandbox.dispose();
    },
  };
}

/** Opens, prepares, and makes `base`, so that files can come. */
export async function prepared(scene: FarScene, directory: string, options?: Opening): Promise<Target> {
  const target = await scene.open(directory, options);
  await target.prepare(sourceOf(), options?.outside ?? nothingOutside, neverStopped);
  await target.directory('base', 0o700, neverStopped);
  return target;
}

/**
 * Sends all of a file in chunks, without waiting for one before the next. `before`, of the same length: what stands in the
 * buffers until the file has looked at them. `spared`: pages of each chunk.
 */
export async function send(
  target: Target,
  path: string,
  bytes: Buffer,
  { mode = 0o600, before = bytes, spared = [] as number[], signal = neverStopped } = {},
): Promise<'written' | 'other'> {
  const file = await target.file(path, mode, signal);
  const taken: Promise<void>[] = [];
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    const buffer = Buffer.from(before.subarray(at, at + chunkBytes));
    taken.push(file.take(buffer, spared));
    bytes.copy(buffer, 0, at);
  }
  // Nor does the end wait for them.
  const [outcome] = await Promise.all([file.end(bytes.length), ...taken]);
  return outcome;
}

/** A directory of the server's user, made anew. */
export function emptied(path: string): string {
  rmSync(path, { recursive: true, force: true });
  mkdirSync(path, { mode: 0o700 });
  giveToServerUser(path);
  return path;
}

export const contentOf = (directory: string, path: string): Buffer => readFileSync(join(directory, path));
