// configSetup: the settings in force and where each came from; with `debug` in 2warm's NAME=value form.
import { readSegmentSize } from '../postgres/control-file.ts';
import { placeOf } from '../postgres/this-node.ts';
import { readArchivingState } from '../program/archiving-state.ts';
import { commonOptions, jsonOption, type Command, type ProgramCall } from '../program/command.ts';
import { findPlace } from '../program/home.ts';
import { stateDirectory } from '../program/node-record.ts';
import { readOwnArchive, type OwnArchive } from '../program/own-archive.ts';
import { ProgramError } from '../program/program-error.ts';
import { readSettings } from '../program/settings/read.ts';
import { becomeOwnerOf } from '../program/privileges.ts';
import { shellWord } from '../program/shell-word.ts';
import type { InForce, Settings } from '../program/settings/settings.ts';
import {
  describeDestination,
  isWorthTelling,
  readDestinationStatus,
  type DestinationStatus,
} from '../transport/destination-status.ts';
import { sshWays, wayLines } from './ssh-ways.ts';

type Value = InForce['value'];

function toml(value: Value): string {
  if (Array.isArray(value)) return `[${value.map(toml).join(', ')}]`;
  if (typeof value !== 'string') return String(value);
  return value.includes("'") ? JSON.stringify(value) : `'${value}'`;
}

function table(inForce: readonly InForce[]): string {
  const rows = inForce.map(({ key, value, origin }) => [key, toml(value), origin] as const);
  const [keys, values] = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map(([key, value, origin]) => `${key.padEnd(keys!)} = ${value.padEnd(values!)}  # ${origin}\n`)
    .join('');
}

/** 2warm's own names first, then every key as NAME=value, quoted for `eval` as scripts of 2warm's time used it. */
function assignments(settings: Settings, inForce: readonly InForce[], active: boolean): string {
  const historic: [string, string][] = [
    ['PGDATA', settings.dataDirectory],
    ['ARCHIVE', settings.archiveDirectory],
    ['ARCHIVING_ACTIVE', active ? 'yes' : 'no'],
  ];
  const named = inForce.map(({ key, value }): [string, string] => [
    `TWOWARM_${key.toUpperCase().replace(/[^A-Z0-9]/g, '_')}`,
    Array.isArray(value) ? value.join(' ') : String(value),
  ]);
  return [...historic, ...named].map(([name, value]) => `${name}=${shellWord(value)}\n`).join('');
}

function isArchiving(home: string): boolean {
  try {
    return readArchivingState(home) === 'on';
  } catch (error) {
    if (error instanceof ProgramError) return false;
    throw error;
  }
}

/** What the node's state adds to its settings; null: nothing. */
function ownArchiveOf({ home }: Settings): OwnArchive | { fault: string } | null {
  try {
    return readOwnArchive(home) ?? null;
  } catch (error) {
    if (error instanceof ProgramError) return { fault: error.message };
    throw error;
  }
}

function ownArchiveLine(settings: Settings): string {
  const own = ownArchiveOf(settings);
  if (own === null) return '';
  if ('fault' in own) return `# ${own.fault}\n`;
  const when = `on timeline ${own.timeline}, ${own.since}`;
  return `# this node was triggered (${when}): it archives into archive.directory, too\n`;
}

/** How each destination stands; a `fault` where the node's state cannot be read. */
function destinationsOf(settings: Settings): DestinationStatus[] | { fault: string } {
  try {
    const segmentSize = readSegmentSize(settings.dataDirectory);
    const place = { stateDirectory: stateDirectory(settings.home), nodeId: 'configSetup', segmentSize };
    return readDestinationStatus(settings, place);
  } catch (error) {
    if (error instanceof ProgramError) return { fault: error.message };
    throw error;
  }
}

/** A comment for each destination that is not simply well. */
function destinationLines(settings: Settings): string {
  const found = destinationsOf(settings);
  if ('fault' in found) return `# ${found.fault}\n`;
  return found
    .filter(isWorthTelling)
    .flatMap(describeDestination)
    .map((line) => `# ${line}\n`)
    .join('');
}

async function run(call: ProgramCall): Promise<number> {
  const { settings, inForce } = readSettings(findPlace(placeOf(call)));
  // The ssh_config of the server's user counts, not root's.
  becomeOwnerOf(settings.dataDirectory);
  if (call.options['json'] === true) {
    const all = {
      configuration: settings.configurationFile,
      settings: inForce,
      ownArchive: ownArchiveOf(settings),
      destinations: destinationsOf(settings),
      ssh: await sshWays(settings),
    };
    call.voice.answer(`${JSON.stringify(all)}\n`);
  } else if (call.positionals[0] === 'debug') {
    call.voice.answer(assignments(settings, inForce, isArchiving(settings.home)));
  } else {
    call.voice.answer(
      `# ${settings.configurationFile}\n${table(inForce)}${ownArchiveLine(settings)}${destinationLines(settings)}${wayLines(await sshWays(settings))}`,
    );
  }
  return 0;
}

export const command: Command = {
  name: 'configSetup',
  summary: 'Prints the settings in force and where each came from.',
  positionals: [
    {
      name: 'debug',
      summary: "Print NAME=value lines, as 2warm's configSetup did.",
      required: false,
      choices: ['debug'],
    },
  ],
  options: [...commonOptions, jsonOption('Print JSON.')],
  run,
};
