// A primary with an installation of its own to distribute, and far nodes: real OpenSSH servers on loopback whose sessions
// have a home each, and a PATH that begins with a directory for tools of a test's own.
import {
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';

import { installation } from '../../harness/installation.ts';
import { makeNode, quoted, type NodeFixture } from '../../harness/node-fixture.ts';
import { run, shell, startProgram, type RunningProgram, type RunResult } from '../../harness/run.ts';
import { makeSandbox, type Sandbox } from '../../harness/sandbox.ts';
import { startSshd, type Sshd } from '../../harness/sshd.ts';

export const runtimeName = `node-linux-${process.arch}`;
const carriedNode = join(installation(), 'node_modules', runtimeName, 'bin', 'node');

/** What stands for the Node.js of 120 MB where that is not the point: it becomes the real one. */
const smallNode = `#!/bin/sh\nexec ${quoted(carriedNode)} "$@"\n`;

export interface FarSite {
  name: string;
  sshd: Sshd;
  /** HOME of its sessions. */
  home: string;
  /** First on their PATH; empty. */
  tools: string;
  /** Where twowarm is kept there by default. */
  directory: string;
}

export interface Scene extends AsyncDisposable {
  sandbox: Sandbox;
  primary: NodeFixture;
  sites: readonly FarSite[];
  /** Writes the configuration; default: a destination at each site. */
  configure(changes?: {
    ports?: readonly number[];
    ssh?: string;
    distribution?: string;
    identity?: string;
  }): void;
  /** distrib2warm of that installation, in the data directory of the primary. */
  distribute(root: string, ...words: string[]): Promise<RunResult>;
  start(root: string, ...words: string[]): RunningProgram;
}

async function startSite(sandbox: Sandbox, name: string): Promise<FarSite> {
  const home = sandbox.directory(`${name}/home`);
  const tools = sandbox.directory(`${name}/tools`);
  const environment = { HOME: home, PATH: `${tools}:/usr/local/bin:/usr/bin:/bin` };
  const sshd = await startSshd(sandbox, { name: `${name}/sshd`, environment });
  sandbox.directory(`${name}/archive`);
  return { name, sshd, home, tools, directory: join(home, '.local/lib/twowarm') };
}

export async function makeScene(...names: string[]): Promise<Scene> {
  const sandbox = makeSandbox('distribution');
  const sites: FarSite[] = [];
  for (const name of names) sites.push(await startSite(sandbox, name));
  const primary = await makeNode('distributing', { used: false });
  const configure: Scene['configure'] = (changes = {}) => {
    const destinations = sites.map(({ name, sshd }, index) => {
      const port = changes.ports?.[index] ?? sshd.port;
      return `[destination.${name}]\nurl = 'ssh://${sshd.user}@127.0.0.1:${port}${sandbox.path}/${name}/archive'\n`;
    });
    const known = sandbox.file(
      'known_hosts',
      sites
        .flatMap(({ sshd }, index) =>
          sshd.hostKeys().map((key) => `[127.0.0.1]:${changes.ports?.[index] ?? sshd.port} ${key}\n`),
        )
        .join(''),
    );
    const keys =
      changes.identity === undefined ? sites.map(({ sshd }) => sshd.clientKey) : [changes.identity];
    primary.configure(
      `${destinations.join('')}${changes.distribution ?? ''}[ssh]\nidentity_files = [${keys.map((key) => `'${key}'`).join(', ')}]\n` +
        `known_hosts = ['${known}']\n${changes.ssh ?? ''}`,
    );
  };
  configure();
  const program = (root: string): string => join(root, 'bin', 'distrib2warm');
  const options = { cwd: primary.dataDirectory };
  return {
    sandbox,
    primary,
    sites,
    configure,
    distribute: (root, ...words) => run(program(root), words, options),
    start: (root, ...words) => startProgram(program(root), words, options),
    [Symbol.asyncDispose]: async () => {
      for (const { sshd } of sites) await sshd.stop();
      await primary[Symbol.asyncDispose]();
      await sandbox.dispose();
    },
  };
}

/** An installation to distribute: the packed files, of another version where that is asked for, with a small Node.js. */
export async function makeInstallation(
  sandbox: Sandbox,
  name: string,
  { version, node = smallNode }: { version?: string; node?: string | Buffer } = {},
): Promise<string> {
  const root = sandbox.directory(name);
  const from = ['bin', 'dist', 'package.json'].map((part) => quoted(join(installation(), part))).join(' ');
  const change =
    version === undefined
      ? ''
      : ` && grep -rlF '"0.1.0"' dist package.json | xargs sed -i 's/"0\\.1\\.0"/"${version}"/'`;
  const copied = await shell(`cp -R ${from} .${change}`, { cwd: root });
  if (copied.code !== 0) throw new Error(copied.stderr);
  sandbox.file(`${name}/node_modules/${runtimeName}/bin/node`, node, 0o755);
  sandbox.file(`${name}/node_modules/${runtimeName}/package.json`, '{}\n', 0o644);
  return root;
}

/** Puts a program first on the PATH of a site's sessions; `real` is the one that it takes the place of. */
export function putTool({ tools }: FarSite, name: string, script: string): void {
  const path = join(tools, name);
  writeFileSync(path, `#!/bin/sh\nreal=/usr/bin/${name}\n${script}\n`);
  chmodSync(path, 0o755);
}

export function removeTools({ tools }: FarSite): void {
  for (const name of readdirSync(tools)) rmSync(join(tools, name), { recursive: true });
}

/** What is there: names of versions by link, and all that lies beside them. */
export function stateOf({ directory }: FarSite): {
  current: string | undefined;
  previous: string | undefined;
  next: string | undefined;
  versions: string[];
} {
  const link = (name: string): string | undefined => {
    try {
      return readlinkSync(join(directory, name)).replace(/^versions\//, '');
    } catch {
      return undefined;
    }
  };
  const versions = existsSync(join(directory, 'versions'))
    ? readdirSync(join(directory, 'versions')).sort()
    : [];
  return { current: link('current'), previous: link('previous'), next: link('next'), versions };
}

/** Nothing, as it was before a test. */
export function clearSite(site: FarSite): void {
  rmSync(site.home, { recursive: true, force: true });
  removeTools(site);
}

/** Asserts that a site uses a version that is whole and runs there. */
export async function expectWhole(site: FarSite, place: string): Promise<void> {
  expect(stateOf(site).current).toBe(place);
  const current = join(site.directory, 'current');
  const sums = await shell('sha256sum -c MANIFEST >/dev/null', { cwd: current });
  expect(sums).toMatchObject({ code: 0, stderr: '' });
  const { version } = JSON.parse(readFileSync(join(current, 'package.json'), 'utf8')) as { version: string };
  const ran = await run(join(current, 'bin', 'twowarm'), ['--version'], { env: { PATH: '' } });
  expect(ran).toMatchObject({ code: 0, stdout: `twowarm ${version}\n`, stderr: '' });
}
