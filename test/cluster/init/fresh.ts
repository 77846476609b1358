// A cluster that nobody has set up for twowarm yet, as far as init looks at one; and init as the tests call it.
import { join } from 'node:path';

import { installation, program } from '../../harness/installation.ts';
import { caches, controlFile, type Outcome } from '../../harness/node-fixture.ts';
import { run, type RunOptions } from '../../harness/run.ts';
import { makeSandbox, type Sandbox } from '../../harness/sandbox.ts';
import { changesBetween, snapshot } from '../../harness/tree-snapshot.ts';
import { ourCluster } from '../../harness/wal-files.ts';

/** As much of a data directory as init reads, stopped as a primary. */
export function putCluster(sandbox: Sandbox, name: string, settings = ''): string {
  const bytes = controlFile(ourCluster);
  // pg_control's state: shut down.
  bytes.writeUInt32LE(1, 16);
  sandbox.directory(`${name}/pg_wal`);
  sandbox.file(`${name}/PG_VERSION`, '15\n');
  sandbox.file(`${name}/postgresql.conf`, settings);
  sandbox.file(`${name}/global/pg_control`, bytes);
  return join(sandbox.path, name);
}

export interface Fresh extends AsyncDisposable {
  sandbox: Sandbox;
  /** `<sandbox>/data` */
  dataDirectory: string;
  path: (name: string) => string;
  /** `twowarm init -D <data> <words>`; paths of the sandbox and of the installation are shown as <> and <twowarm>. */
  init(...words: string[]): Promise<Outcome>;
  /** Any command of twowarm, the same way. */
  twowarm(words: readonly string[], options?: RunOptions): Promise<Outcome>;
}

export function makeFresh(label: string, settings = ''): Fresh {
  const sandbox = makeSandbox(label);
  const dataDirectory = putCluster(sandbox, 'data', settings);
  const shown = (text: string): string =>
    text.replaceAll(sandbox.path, '<>').replaceAll(installation(), '<twowarm>');
  const twowarm = async (words: readonly string[], options: RunOptions = {}): Promise<Outcome> => {
    const before = snapshot(sandbox.path);
    const { code, stdout, stderr } = await run(program('twowarm'), words, options);
    const changed = changesBetween(before, snapshot(sandbox.path), caches);
    return { code, stdout: shown(stdout), stderr: shown(stderr), changed };
  };
  return {
    ...{ sandbox, dataDirectory, twowarm },
    path: (name) => join(sandbox.path, name),
    init: (...words) => twowarm(['init', '-D', dataDirectory, ...words]),
    [Symbol.asyncDispose]: () => sandbox.dispose(),
  };
}

/** What is printed before the check, whose findings depend on the machine. */
export const beforeCheck = (stdout: string): string => stdout.split('\n== twowarm check')[0]!;

/** Answers to everything that has to be known, with an archive of the sandbox as the one destination. */
export const answersFor = ({ path }: Fresh): string[] => [
  ...['--role', 'primary', '--name', 'db1', '--destination', `db2=file:${path('db2')}`],
];
