// The node's own lines of postgresql.conf and pg_hba.conf, as configStandby puts them back after a copy: out of the whole files
// that another tool has kept, only what this server understands. A line that it does not know would keep it from starting.
import { join } from 'node:path';
import { parseConfiguration } from '../../postgres/parse-configuration.ts';
import { exec, plainEnvironment } from '../../program/exec.ts';
import { ProgramError } from '../../program/program-error.ts';
import type { LocalServer } from '../check/local-server.ts';
import type { Note, NodeFragment } from './take-over.ts';
import type { HomeFile } from './write-home.ts';

/** What configStandby and init say themselves, and where files are, which a copy brings along or the package says. */
const notTheNodes: Readonly<Record<string, string>> = {
  archive_command: "twowarm's own is proposed below",
  archive_mode: "twowarm's own is proposed below",
  archive_library: "twowarm's own is proposed below",
  restore_command: 'configStandby writes it',
  data_directory: 'it is where the files are',
  config_file: 'it is where the files are',
  hba_file: 'it is where the files are',
  ident_file: 'it is where the files are',
  external_pid_file: 'it is where the files are',
  include: 'it is not followed',
  include_if_exists: 'it is not followed',
  include_dir: 'it is not followed',
};

/** The names that this server knows: by the server, else by its program; undefined where neither can be asked. */
async function knownNames(
  server: LocalServer,
  programs: string | undefined,
  signal: AbortSignal,
): Promise<((name: string) => boolean) | undefined> {
  if (server.letsUsIn) return (name) => server.isInForce(name);
  if (programs === undefined) return undefined;
  try {
    const environment = plainEnvironment(process.env);
    const { code, stdout } = await exec(join(programs, 'postgres'), ['--describe-config'], {
      signal,
      environment,
    });
    const names = new Set(stdout.split('\n').map((line) => line.split('\t')[0]));
    return code === 0 && names.size > 50 ? (name) => names.has(name) : undefined;
  } catch (error) {
    if (error instanceof ProgramError) return undefined;
    throw error;
  }
}

interface Kept {
  lines: string[];
  notes: Note[];
}

function settingsOf({ path, text }: NodeFragment, knows: ((name: string) => boolean) | undefined): Kept {
  const { assignments, problem } = parseConfiguration(text);
  const last = assignments.filter(
    ({ name }, index) => assignments.findLastIndex((each) => each.name === name) === index,
  );
  const left = (name: string): string | undefined => {
    if (notTheNodes[name] !== undefined) return notTheNodes[name];
    if (knows === undefined) return 'the server cannot be asked whether it knows this';
    return name.includes('.') || knows(name) ? undefined : 'this server does not know it';
  };
  const lines = last.map(({ name, value }) => {
    const line = `${name} = '${value.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
    const why = left(name);
    return why === undefined ? line : `#${line}    # ${why}`;
  });
  const unknown = last.filter(({ name }) => notTheNodes[name] === undefined && left(name) !== undefined);
  const notes: Note[] = [
    ...(unknown.length === 0
      ? []
      : [
          {
            what: path,
            sentence: `Kept in comments only, ${knows === undefined ? 'because the server cannot be asked whether it knows them' : 'because this server does not know them'}: ${unknown.map(({ name }) => name).join(', ')}.`,
          },
        ]),
    ...(problem === undefined
      ? []
      : [
          {
            what: `${path}, line ${problem.line}`,
            sentence: 'It was not understood, nor was anything after it.',
          },
        ]),
  ];
  return { lines, notes };
}

/** Methods that no server from 10 on has (src/backend/libpq/hba.c). */
const goneMethods = /\s(?:crypt|krb4|krb5|ident\s+sameuser)(?:\s|$)/;

function accessOf({ path, text }: NodeFragment): Kept {
  const records = text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  const gone = records.filter((line) => goneMethods.test(line));
  const lines = records.map((line) => (gone.includes(line) ? `#${line}    # this method is gone` : line));
  const notes =
    gone.length === 0
      ? []
      : [{ what: path, sentence: `Kept in comments only, because the method is gone: ${gone.join('; ')}.` }];
  return { lines, notes };
}

/** The files for <home>/node/, and what is said of them. */
export async function fragmentFiles(
  fragments: readonly NodeFragment[],
  server: LocalServer,
  programs: string | undefined,
  signal: AbortSignal,
): Promise<{ files: HomeFile[]; notes: Note[] }> {
  if (fragments.length === 0) return { files: [], notes: [] };
  const knows = await knownNames(server, programs, signal);
  const made = fragments.map((fragment) => {
    const { lines, notes } =
      fragment.name === 'postgresql.conf' ? settingsOf(fragment, knows) : accessOf(fragment);
    const head = `# This node's own lines of ${fragment.name}, from ${fragment.path}; configStandby installs them.`;
    const file = { path: join('node', fragment.name), content: `${[head, ...lines].join('\n')}\n` };
    const kept = {
      what: fragment.path,
      sentence: `Its lines are in node/${fragment.name} of the home, for configStandby.`,
    };
    return { file, notes: [kept, ...notes] };
  });
  return { files: made.map(({ file }) => file), notes: made.flatMap(({ notes }) => notes) };
}
