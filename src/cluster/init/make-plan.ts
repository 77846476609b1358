// Everything that init would do and show, found out before anything is done: who this is about, what is answered, what follows
// from it.
import { join, resolve } from 'node:path';
import { readSegmentSize } from '../../postgres/control-file.ts';
import { archivingStates, type ArchivingState } from '../../program/archiving-state.ts';
import type { ProgramCall } from '../../program/command.ts';
import { lackingData } from '../../program/lacking-data.ts';
import { nameOfUser } from '../../program/owner-words.ts';
import { becomeOwnerOf } from '../../program/privileges.ts';
import { ProgramError } from '../../program/program-error.ts';
import { durationWords, formatDuration, parseDuration } from '../../program/settings/quantities.ts';
import { checkUnwritten } from '../../program/settings/read.ts';
import { shellWord } from '../../program/shell-word.ts';
import { LocalServer } from '../check/local-server.ts';
import { answersOfOptions, type Answers, type NodeRole } from './answers.ts';
import type { Asker } from './asker.ts';
import { chooseCluster } from './choose-cluster.ts';
import { chooseHome, type ChosenHome } from './choose-home.ts';
import { chooseKeys, type ChosenKeys } from './choose-keys.ts';
import { read2warm } from './from-2warm/take-over.ts';
import { readRepmgr } from './from-repmgr/take-over.ts';
import { commandsFor, programsOf, thisMachine, type ServerCommands } from './init-system.ts';
import { interview } from './interview.ts';
import { machineRoots } from './layouts.ts';
import { ownerOf, type LocalCluster } from './local-cluster.ts';
import { fragmentFiles } from './node-fragments.ts';
import { ownConfiguration } from './own-configuration.ts';
import { proposeAccess, type AccessLine } from './propose-access.ts';
import { isBrought, proposeSettings, type ProposedSetting } from './propose-settings.ts';
import { renderConfiguration } from './render-configuration.ts';
import { proposeServices, type Service } from './services.ts';
import type { Note, Predecessor, TakenOver } from './take-over.ts';
import type { HomePlan } from './write-home.ts';

export interface Plan {
  cluster: LocalCluster;
  role: NodeRole;
  answers: Answers;
  home: ChosenHome;
  homePlan: HomePlan;
  keys: ChosenKeys;
  server: LocalServer;
  settings: readonly ProposedSetting[];
  access: readonly AccessLine[];
  sudoers: readonly string[];
  services: readonly Service[];
  /** What is taken over, and what becomes of it; undefined: nothing. */
  takenOver: { from: string; notes: readonly Note[] } | undefined;
}

function predecessorOf({ options, workingDirectory }: ProgramCall): Predecessor | undefined {
  const [tree, file] = [options['from-2warm'], options['from-repmgr']];
  if (tree !== undefined && file !== undefined)
    throw new ProgramError('usage', '--from-2warm and --from-repmgr contradict each other');
  if (typeof tree === 'string') return read2warm(resolve(workingDirectory, tree));
  return typeof file === 'string' ? readRepmgr(resolve(workingDirectory, file)) : undefined;
}

/** From here on this is the server's user; what that is has to be plain. */
function actAsServer({ dataDirectory }: LocalCluster): { user: string; owned: string } {
  const { uid, directory } = ownerOf(dataDirectory);
  if (uid === 0 && process.geteuid?.() === 0)
    throw new ProgramError('data-directory', `cannot tell who will own ${dataDirectory}`, {
      detail: `${directory} belongs to root, under whom no server runs.`,
      hint: `Make the data directory, empty, as the server's user: install -d -m 700 -o postgres -g postgres ${shellWord(dataDirectory)}`,
    });
  becomeOwnerOf(directory);
  return { user: nameOfUser(uid), owned: directory };
}

function withCommands(answers: Answers, commands: ServerCommands | undefined): Answers {
  if (commands === undefined) return answers;
  const { start, stop, reload } = commands;
  return { startCommand: start, stopCommand: stop, reloadCommand: reload, ...answers };
}

async function archiveTimeoutOf(call: ProgramCall, asker: Asker, server: LocalServer): Promise<number> {
  const problemOf = (text: string): string | undefined =>
    (parseDuration(text) ?? 0) >= 1000 ? undefined : `must be a second or more: ${durationWords}`;
  const given = call.options['archive-timeout'];
  const now = server.timeMs('archive_timeout', 's') ?? 0;
  const answer =
    typeof given === 'string'
      ? given
      : await asker.text({
          flag: '--archive-timeout',
          message: 'How much may be lost at most (archive_timeout):',
          proposal: now === 0 ? '60s' : formatDuration(now),
          isNeeded: false,
          problemOf,
        });
  const problem = problemOf(answer);
  if (problem !== undefined)
    throw new ProgramError('usage', `cannot use --archive-timeout "${answer}": it ${problem}`);
  return parseDuration(answer)!;
}

/** 2warm's "not active" is a question to a person, and never a way to lose WAL. */
async function archivingOf(
  call: ProgramCall,
  asker: Asker,
  role: NodeRole,
  takenOver: TakenOver | undefined,
): Promise<ArchivingState> {
  const given = call.options['archiving'];
  const state = archivingStates.find((each) => each === given && each !== 'discard');
  if (given !== undefined && state === undefined)
    throw new ProgramError('usage', `cannot use --archiving "${String(given)}": it must be on or hold`);
  if (state !== undefined) return state;
  if (role !== 'primary' || takenOver?.archiving !== 'hold') return 'on';
  const isOn = await asker.confirm(
    '2warm did not archive here (archiving_active is missing). Archive from now on?',
    false,
  );
  return isOn ? 'on' : 'hold';
}

function segmentBytesOf({ dataDirectory, state }: LocalCluster): number {
  if (state !== 'there') return 16 * 1024 * 1024;
  try {
    return readSegmentSize(dataDirectory);
  } catch (error) {
    throw lackingData(dataDirectory) ?? error;
  }
}

interface Who {
  cluster: LocalCluster;
  user: string;
  owned: string;
  home: ChosenHome;
  /** The directory of the server's programs, and its commands, as they were found. */
  programs: string | undefined;
  commands: ServerCommands | undefined;
}

/** From here on this process is the server's user. */
async function findWho(call: ProgramCall, asker: Asker, named: string | undefined): Promise<Who> {
  const cluster = await chooseCluster(call, machineRoots, asker, named);
  // Where the program of another user's process is, only root sees.
  const programs = programsOf(cluster, thisMachine);
  const { user, owned } = actAsServer(cluster);
  const home = chooseHome(cluster.dataDirectory, call.environment);
  return { cluster, user, owned, home, programs, commands: commandsFor(cluster, user, thisMachine) };
}

/** Options first, then what is taken over, then what somebody answers, then what was found. */
async function findAnswers(call: ProgramCall, asker: Asker, who: Who, before: Answers | undefined) {
  const { cluster, home, programs, commands } = who;
  const known = { ...before, ...answersOfOptions(call) };
  const asked = await interview(asker, cluster, join(home.path, 'archive'), known);
  asker.expectAnswers();
  const detected = { ...(programs !== undefined && { pgBindir: programs }), ...asked };
  const keys = await chooseKeys(call, asker, detected);
  return { keys, role: asked.role, answers: withCommands({ ...detected, ...keys.answers }, commands) };
}

/** A text that its own check accepts. */
function textFor({ cluster: { dataDirectory }, home }: Who, answers: Answers, file: string): string {
  const text = renderConfiguration(dataDirectory, answers);
  checkUnwritten(text, { dataDirectory, home: home.path, configurationFile: file, homeOrigin: 'default' });
  return text;
}

/** Asks, looks, and changes nothing. */
export async function makePlan(call: ProgramCall, asker: Asker): Promise<Plan> {
  // What is wrong with the options is said before anything is asked.
  const given = answersOfOptions(call);
  const predecessor = predecessorOf(call);
  const who = await findWho(call, asker, predecessor?.dataDirectory);
  const { cluster, user, owned, home, commands } = who;
  const { dataDirectory, postgresqlConf } = cluster;
  const ownArchive = join(home.path, 'archive');
  const takenOver = predecessor?.takeOver({ dataDirectory, archive: given.archiveDirectory ?? ownArchive });
  const configuration = join(home.path, 'twowarm.toml');
  const own = ownConfiguration(call, configuration, cluster.role);
  const { answers, keys, role } = await findAnswers(call, asker, who, own?.answers ?? takenOver?.answers);
  const text = own?.text ?? textFor(who, answers, configuration);
  const { conninfo, destinations = [], archiveDirectory = ownArchive } = answers;
  const server = await LocalServer.find({ dataDirectory, server: { conninfo }, postgresqlConf });
  const archiveTimeoutMs = await archiveTimeoutOf(call, asker, server);
  const archiving = await archivingOf(call, asker, role, takenOver);
  const fragments = takenOver?.fragments ?? [];
  const { files, notes } = await fragmentFiles(fragments, server, answers.pgBindir, call.stop);
  const streams = call.options['streaming'] === true;
  const segmentBytes = segmentBytesOf(cluster);
  return {
    ...{ cluster, role, answers, home, keys, server },
    homePlan: { home: home.path, configuration, text, archiveDirectory, files, archiving },
    settings: isBrought(cluster, role)
      ? []
      : proposeSettings({ server, dataDirectory, role, segmentBytes, archiveTimeoutMs, streams }),
    access: proposeAccess(server, user, streams, destinations),
    sudoers: answers.startCommand === commands?.start ? (commands?.sudoers ?? []) : [],
    services: proposeServices(cluster, owned),
    takenOver: takenOver && { from: takenOver.from, notes: [...takenOver.notes, ...notes] },
  };
}
