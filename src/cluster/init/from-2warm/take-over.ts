// A 2warm tree as answers: the other node, the DR node, the environment, and what becomes of each file.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseConfiguration } from '../../../postgres/parse-configuration.ts';
import type { Answers, PlannedDestination } from '../answers.ts';
import type { Note, NodeFragment, OwnPlace, Predecessor, TakenOver } from '../take-over.ts';
import { readEnvironment, type ReadEnvironment } from './environment.ts';
import { readTree, type Tree } from './read-tree.ts';

type Values = ReadEnvironment['values'];

/** Names that PostgreSQL's tools and ours know, each with what becomes of it. */
const known: Readonly<Record<string, string>> = {
  PGDATA: 'It is node.data_directory.',
  PGPORT: "The port is found in the server's postmaster.pid.",
  PGHOST: 'It is in node.conninfo.',
  PGUSER: 'It is in node.conninfo.',
  PGDATABASE: 'It is in node.conninfo.',
  PGBIN: 'It is node.pg_bindir.',
  PATH: 'The directory of pg_ctl in it is node.pg_bindir; the programs of twowarm need no PATH.',
  PGROOT: 'The programs of twowarm find their place by the data directory.',
  PGPASSWORD: "It is not taken over: put it into ~/.pgpass of the server's user.",
};

/** libpq's form; only where PGPORT is not all there is to say. */
function conninfoOf(values: Values): string | undefined {
  const names = { PGHOST: 'host', PGPORT: 'port', PGUSER: 'user', PGDATABASE: 'dbname' };
  const said = Object.entries(names).flatMap(([variable, keyword]) => {
    const value = values.get(variable);
    return value
      ? [`${keyword}=${/^[^\s'\\]+$/.test(value) ? value : `'${value.replace(/['\\]/g, '\\$&')}'`}`]
      : [];
  });
  return said.every((each) => each.startsWith('port=')) ? undefined : said.join(' ');
}

function bindirOf(values: Values): string | undefined {
  const inPath = (values.get('PATH') ?? '').split(':').filter((directory) => directory.startsWith('/'));
  const named = values.get('PGBIN');
  return [...(named ? [named] : []), ...inPath].find((directory) => existsSync(join(directory, 'pg_ctl')));
}

/** The nodes of a 2warm cluster have the same directories, and the same user. */
function destinationsOf(
  { otherNode, drNode }: Tree,
  { dataDirectory, archive }: OwnPlace,
): PlannedDestination[] {
  const nodes = [
    { host: otherNode, policy: 'required' as const },
    { host: drNode, policy: 'best-effort' as const },
  ];
  return nodes.flatMap(({ host, policy }) => {
    if (host === undefined) return [];
    const name = host
      .replace(/^.*@/, '')
      .split('.')[0]!
      .replaceAll(/[^A-Za-z0-9_-]/g, '-');
    return [{ name, url: `ssh://${host}${archive}`, policy, dataDirectory }];
  });
}

function notesOfNodes(tree: Tree): Note[] {
  const { otherNode, drNode, isArchivingActive } = tree;
  const other =
    otherNode === undefined
      ? 'There is none: name the destination with --destination.'
      : `${otherNode} is a destination that must have every segment.`;
  const far =
    drNode === undefined
      ? []
      : [{ what: 'drnode', sentence: `${drNode} is a destination that gets what it can (best-effort).` }];
  const archiving = isArchivingActive
    ? 'It is there: archiving is on.'
    : 'It is missing. In 2warm a primary then told PostgreSQL that every segment was archived, and archived none; here a primary is put on hold instead: PostgreSQL keeps the WAL until twowarm archiving on. A standby archives from its promotion on, which in 2warm it did not.';
  return [{ what: 'othernode', sentence: other }, ...far, { what: 'archiving_active', sentence: archiving }];
}

function notesOfEnvironment({ values, unread }: ReadEnvironment): Note[] {
  const named = [...values.keys()].map((name) => ({
    what: `environment.sh, ${name}`,
    sentence: known[name] ?? 'It has no counterpart: the programs of twowarm do not use it.',
  }));
  const others = unread.map(({ line, text }) => ({
    what: `environment.sh, line ${line}`,
    sentence: `It was not understood, and is not run: ${text}`,
  }));
  return [...named, ...others];
}

const replaced: Readonly<Record<string, string>> = {
  restore_command: "configStandby writes twowarm's own.",
  recovery_end_command: 'It is not needed: the trigger file belongs to triggerStandby.',
};

function notesOfRecovery(text: string): Note[] {
  const { assignments } = parseConfiguration(text);
  return assignments.map(({ name }) => ({
    what: `recovery.conf, ${name}`,
    sentence: replaced[name] ?? 'It is not taken over: configStandby writes the settings of recovery.',
  }));
}

function fragmentsOf(tree: Tree): NodeFragment[] {
  const { root, postgresqlConf, hbaConf } = tree;
  return [
    ...(postgresqlConf === undefined
      ? []
      : [
          {
            name: 'postgresql.conf' as const,
            path: join(root, 'local', 'postgresql.conf'),
            text: postgresqlConf,
          },
        ]),
    ...(hbaConf === undefined
      ? []
      : [{ name: 'pg_hba.conf' as const, path: join(root, 'global', 'pg_hba.conf'), text: hbaConf }]),
  ];
}

/** 2warm kept its archive in the data directory. What arrived there and was not yet replayed is still needed. */
function archiveOf({ dataDirectory, archive: where }: OwnPlace): { sources?: string[]; notes: Note[] } {
  const before = join(dataDirectory, 'archive');
  const what = '$PGDATA/archive';
  if (!existsSync(before))
    return {
      notes: [
        { what, sentence: `WAL arrives in ${where} instead: within a data directory it is lost with it.` },
      ],
    };
  return {
    sources: [`file:${where}`, `file:${before}`],
    notes: [
      {
        what,
        sentence: `WAL arrives in ${where} instead: within a data directory it is lost with it. What ${before} holds is still a source; take it out of restore.sources once the standby has replayed it.`,
      },
    ],
  };
}

function takeOver(tree: Tree, environment: ReadEnvironment, place: OwnPlace): TakenOver {
  const archive = archiveOf(place);
  const conninfo = conninfoOf(environment.values);
  const pgBindir = bindirOf(environment.values);
  const destinations = destinationsOf(tree, place);
  const answers: Answers = {
    ...(destinations.length > 0 && { destinations }),
    ...(archive.sources !== undefined && { sources: archive.sources }),
    ...(conninfo !== undefined && { conninfo }),
    ...(pgBindir !== undefined && { pgBindir }),
  };
  return {
    from: `the 2warm tree ${tree.root}`,
    answers,
    archiving: tree.isArchivingActive ? 'on' : 'hold',
    fragments: fragmentsOf(tree),
    notes: [
      ...notesOfNodes(tree),
      ...notesOfEnvironment(environment),
      ...archive.notes,
      ...(tree.recoveryConf === undefined ? [] : notesOfRecovery(tree.recoveryConf)),
    ],
  };
}

/** A 2warm tree. Reads only, and runs nothing of it. */
export function read2warm(directory: string): Predecessor {
  const tree = readTree(directory);
  const environment = readEnvironment(tree.environment ?? '');
  const said = environment.values.get('PGDATA');
  return {
    dataDirectory: said?.startsWith('/') === true ? said : undefined,
    takeOver: (place) => takeOver(tree, environment, place),
  };
}
