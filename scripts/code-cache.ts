// Makes the code caches of what scripts/hot-loader.cjs runs: each program runs once, for real, on a node that is made up for
// it, so that V8 has compiled what a call uses; what it compiled is written beside the bundle. A base backup has no server here: of
// it that is what a call does until it asks one, which is all that anybody waits for.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { controlFile } from '../test/harness/node-fixture.ts';
import { ourCluster, segmentBytes, segmentNamed } from '../test/harness/wal-files.ts';
import { startLoopbackSshd } from './loopback-sshd.ts';

// Runs in a Node of its own, in the place of bin/launch.sh: the cache has to be taken when the program has done its work, on
// its way out.
const recorder = `
const fs = require('node:fs'), path = require('node:path'), vm = require('node:vm');
const [program, kept, ending, end] = process.argv.splice(2, 4);
// How scripts/hot-loader.cjs tells that it is whole.
const build = Buffer.from(ending.split('.')[1], 'latin1');
const { Script } = vm;
// The way out of a program that may not wait for its threads (src/program/leave.ts) would leave no cache.
process.execve = undefined;
vm.Script = class extends Script {
  constructor(text, options) {
    super(text, options);
    const name = path.basename(options.filename, '.cjs');
    if (!kept.split(' ').includes(name)) return;
    const cache = path.join(path.dirname(options.filename), name + ending);
    process.on('exit', (code) => code === Number(end) && fs.writeFileSync(cache, Buffer.concat([this.createCachedData(), build])));
  }
};
require(program).main(process.argv.slice(2));
`;

/** Compiles all of a bundle, without running it: for one whose work is not done here. */
const compiler = `
const fs = require('node:fs'), { setFlagsFromString } = require('node:v8'), { Script } = require('node:vm');
const [bundle, ending] = process.argv.slice(2);
const filename = bundle + '.cjs';
setFlagsFromString('--no-lazy');
const script = new Script(fs.readFileSync(filename, 'latin1'), { filename });
// V8 takes only what was made under its own flags.
setFlagsFromString('--lazy');
fs.writeFileSync(bundle + ending, Buffer.concat([script.createCachedData(), Buffer.from(ending.split('.')[1], 'latin1')]));
`;

interface MadeUp {
  dataDirectory: string;
  segment: string;
  archive: string;
  /** Another one, for ssh. */
  far: string;
}

/** The exit code of a base backup whose server does not run. */
const noServer = 50;

/** A data directory with one segment, a home and two archives, as small as the programs accept. */
function makeNode(root: string): MadeUp {
  const dataDirectory = join(root, 'data');
  const [archive, far] = [join(root, 'archive'), join(root, 'far')];
  const below = ['', 'global', 'pg_wal', 'pg_wal/archive_status'].map((name) => join(dataDirectory, name));
  for (const path of [...below, join(root, 'twowarm'), archive, far]) mkdirSync(path, { mode: 0o700 });
  writeFileSync(join(dataDirectory, 'global', 'pg_control'), controlFile(ourCluster));
  writeFileSync(join(dataDirectory, 'PG_VERSION'), '15\n');
  const segment = segmentNamed(1);
  writeFileSync(join(dataDirectory, 'pg_wal', segment), segmentBytes(segment));
  writeFileSync(join(dataDirectory, 'pg_wal', 'archive_status', `${segment}.ready`), '');
  return { dataDirectory, segment, archive, far };
}

const configuration = ({ dataDirectory, archive }: MadeUp, url: string, login = ''): string =>
  `[node]\ndata_directory = '${dataDirectory}'\n[destination.a]\nurl = '${url}'\n[restore]\nsources = ['file:${archive}']\n${login}`;

/** Runs a command to its end; throws unless that is `end`, of which a message is expected where it is not 0. */
function must(command: string, words: readonly string[], cwd: string, end = 0): Promise<void> {
  const child = spawn(command, words, {
    cwd,
    env: {},
    stdio: ['ignore', 'inherit', end === 0 ? 'inherit' : 'ignore'],
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === end) resolve();
      else reject(new Error(`${command} ${words.join(' ')} ended with ${code}`));
    });
  });
}

/** What runs the programs of a build, on the node that is made up. */
class Recording {
  readonly root: string;
  readonly node: MadeUp;
  private readonly outdir: string;
  private readonly ending: string;

  constructor(root: string, outdir: string, ending: string) {
    this.root = root;
    this.node = makeNode(root);
    this.outdir = outdir;
    this.ending = ending;
  }

  /** The words of a Node that runs a program, and keeps the caches of the bundles named where it ends with `end`. */
  words(program: string, kept: string, end = 0): string[] {
    const script = this.script('record.cjs', recorder);
    return [script, join(this.outdir, `${program}.cjs`), kept, this.ending, String(end)];
  }

  run(program: string, kept: string, words: string[], end = 0): Promise<void> {
    return this.start([...this.words(program, kept, end), ...words], end);
  }

  compile(bundle: string): Promise<void> {
    const script = this.script('compile.cjs', compiler);
    return this.start([script, join(this.outdir, 'hot', bundle), this.ending]);
  }

  configure(url: string, login = ''): void {
    const path = join(this.root, 'twowarm', 'twowarm.toml');
    writeFileSync(path, configuration(this.node, url, login), { mode: 0o600 });
  }

  /** The first call reads the configuration; the second one is the ordinary one, and its cache is kept. */
  async archiveTwice(directory: string, kept: string): Promise<void> {
    const { segment } = this.node;
    const words = [`pg_wal/${segment}`, segment];
    await this.run('archiveWALFile', '', words);
    rmSync(join(directory, segment));
    await this.run('archiveWALFile', kept, words);
  }

  private start(words: string[], end = 0): Promise<void> {
    return must(process.execPath, words, this.node.dataDirectory, end);
  }

  private script(name: string, text: string): string {
    const path = join(this.root, name);
    writeFileSync(path, text);
    return path;
  }
}

async function ofSegments(recording: Recording): Promise<void> {
  const { archive, segment } = recording.node;
  recording.configure(`file:${archive}`);
  await recording.archiveTwice(archive, 'archiveWALFile');
  await recording.run('restoreWALFile', 'restoreWALFile', [segment, 'pg_wal/RECOVERYXLOG']);
  await recording.run('pg_standby', 'pg_standby', [archive, segment, 'pg_wal/RECOVERYXLOG']);
}

async function ofCopies(recording: Recording): Promise<void> {
  await recording.run('copyToStandby', 'copy-to', ['--to', `file:${join(recording.root, 'copy')}`], noServer);
  await recording.compile('copy-side');
}

async function ofNetwork(recording: Recording): Promise<void> {
  const { root, node } = recording;
  const receiver = join(root, 'receiver');
  const words = recording.words('receive', 'receive').map((word) => `'${word}'`);
  writeFileSync(receiver, `#!/bin/sh\nshift\nexec '${process.execPath}' ${words.join(' ')} "$@"\n`, {
    mode: 0o700,
  });
  await using sshd = await startLoopbackSshd(root);
  const login = `[ssh]\nconfig_file = 'none'\nidentity_files = ['${sshd.clientKey}']\nknown_hosts = ['${sshd.knownHosts}']\nreceiver = '${receiver}'\n`;
  recording.configure(`ssh://build@127.0.0.1:${sshd.port}${node.far}`, login);
  await recording.archiveTwice(node.far, 'open-ssh');
}

/** Writes dist/hot/<name>.<build>.<version>-<arch>.cache for each bundle there. */
export async function makeCodeCaches(outdir: string, build: string): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), 'twowarm-build-'));
  const ending = `.${build}.${process.version}-${process.arch}.cache`;
  try {
    const recording = new Recording(root, outdir, ending);
    await ofSegments(recording);
    await ofCopies(recording);
    await ofNetwork(recording);
  } finally {
    rmSync(root, { recursive: true });
  }
}
