// distrib2warm: this installation on the other nodes, too. One node after the other; what fails on one does not keep the
// others from it.
import { placeOf } from '../postgres/this-node.ts';
import { commonOptions, jsonOption, type Command, type ProgramCall } from '../program/command.ts';
import { findPlace } from '../program/home.ts';
import { installedIn } from '../program/installed-at.ts';
import { describeError } from '../program/print-error.ts';
import { becomeOwnerOf } from '../program/privileges.ts';
import { ProgramError } from '../program/program-error.ts';
import { loadSettings } from '../program/settings/load.ts';
import { describeAftermath } from './distribution/aftermath.ts';
import {
  distributeTo,
  tellToSet,
  type Distributed,
  type Progress,
  type Work,
} from './distribution/distribute.ts';
import { goBack, type WentBack } from './distribution/go-back.ts';
import { listVersions, type Listed } from './distribution/list-versions.ts';
import { chooseNodes, loginWords, type FarNode } from './distribution/nodes.ts';
import { readPackage, type Package } from './distribution/package-files.ts';
import { carriedRuntimes, type Architecture, type Runtime } from './distribution/runtimes.ts';
import { checkSelf, describeSelfCheck } from './distribution/self-check.ts';
import { Telling } from './distribution/telling.ts';

type Done = Distributed | WentBack | Listed;

/** What became of a node; in JSON as it is. */
type Result = { name: string; login: string } & (
  | Done
  | {
      outcome: 'failed';
      kind: string;
      message: string;
      detail: string | null;
      hint: string | null;
      exitCode: number;
      state: string | null;
    }
);

/** Read once for each kind of machine, when the first node of it is there. */
function packages(stop: AbortSignal): (runtime: Runtime) => Promise<Package> {
  const read = new Map<Architecture, Promise<Package>>();
  return (runtime) => {
    const known = read.get(runtime.architecture) ?? readPackage(installedIn(), runtime, stop);
    read.set(runtime.architecture, known);
    return known;
  };
}

/** An absolute path, or one below the home there, as the configuration may have it. */
function directoryOf(call: ProgramCall, configured: string): string {
  const given = call.options['directory'] as string | undefined;
  if (given === undefined) return configured;
  // Nothing at all would be the home itself.
  if (/[\p{Cc}]/u.test(given) || given.startsWith('-') || /(^|\/)\.\.?(\/|$)|^\/*$/.test(given))
    throw new ProgramError('usage', `cannot use the directory "${given}"`, {
      hint: 'Write an absolute path, or one below the home of the user there, without "." and "..".',
    });
  return given.replace(/\/+$/, '');
}

async function prepare(call: ProgramCall): Promise<Work> {
  const place = findPlace(placeOf(call));
  // Keys and known hosts are those of the server's user.
  if (place.dataDirectory !== undefined) becomeOwnerOf(place.dataDirectory);
  const settings = await loadSettings(placeOf(call));
  becomeOwnerOf(settings.dataDirectory);
  call.voice.alsoTo(settings.log.file, settings.home);
  const identity = call.options['identity'] as string | undefined;
  return {
    settings,
    login: identity === undefined ? settings.ssh : { ...settings.ssh, identityFiles: [identity] },
    directory: directoryOf(call, settings.distribution.directory),
    carried: carriedRuntimes(installedIn()),
    packageFor: packages(call.stop),
    dryRun: call.options['dry-run'] === true,
    telling: new Telling(call),
    stop: call.stop,
  };
}

type Verb = (node: FarNode, work: Work, progress: Progress) => Promise<Done>;

function verbOf({ options }: ProgramCall): Verb {
  const [list, back] = [options['list'] === true, options['back'] === true];
  if (list && back) throw new ProgramError('usage', 'cannot use --list together with --back');
  if (list) return listVersions;
  return back ? goBack : distributeTo;
}

async function doOne(verb: Verb, node: FarNode, work: Work): Promise<Result> {
  const about = { name: node.name, login: loginWords(node) };
  const progress: Progress = {};
  try {
    const done = await verb(node, work, progress);
    if (done.outcome === 'installed' || done.outcome === 'already there') {
      tellToSet(node, done.toSet, work.telling);
      await work.telling.voice.event(`distributed to ${node.name}`, {
        node: node.name,
        version: done.version,
      });
    }
    return { ...about, ...done };
  } catch (error) {
    const state = await describeAftermath(node, work, progress);
    if (work.stop.aborted) {
      if (state !== undefined) await work.telling.voice.report('LOG', { message: `interrupted: ${state}` });
      throw error;
    }
    const { report, exitCode, kind } = describeError(error);
    const detail = [report.detail, state && `${state[0]!.toUpperCase()}${state.slice(1)}.`];
    const told = { ...report, message: report.message, hint: report.hint };
    const sentences = detail.filter((each) => each !== undefined).join(' ') || undefined;
    await work.telling.voice.report('ERROR', { ...told, detail: sentences }, { node: node.name, exitCode });
    return {
      ...about,
      outcome: 'failed',
      kind,
      message: report.message,
      detail: report.detail ?? null,
      hint: report.hint ?? null,
      exitCode,
      state: state ?? null,
    };
  }
}

function tellSummary(results: readonly Result[], telling: Telling): void {
  if (telling.asJson) return telling.voice.answer(`${JSON.stringify({ nodes: results })}\n`);
  if (results.length < 2) return;
  telling.line(results.map(({ name, outcome }) => `${name}: ${outcome}`).join(', '));
}

function selfCheck(call: ProgramCall): number {
  const found = checkSelf();
  call.voice.answer(`${call.options['json'] === true ? JSON.stringify(found) : describeSelfCheck(found)}\n`);
  return 0;
}

async function run(call: ProgramCall): Promise<number> {
  if (call.options['self-check'] === true) return selfCheck(call);
  const verb = verbOf(call);
  const work = await prepare(call);
  const results: Result[] = [];
  for (const node of chooseNodes(call.positionals, work.settings))
    results.push(await doOne(verb, node, work));
  tellSummary(results, work.telling);
  // The first one's; the others are told, too.
  const failed = results.find((result) => result.outcome === 'failed');
  return failed === undefined ? 0 : failed.exitCode;
}

export const command: Command = {
  name: 'distrib2warm',
  summary: 'Copies this installation to the other nodes, has it run there, and switches them to it.',
  positionals: [
    {
      name: 'NODE',
      summary:
        'A destination, the host of a URL of the configuration, or ssh://user@host:port. Default: every login that the configuration has.',
      required: false,
      many: true,
    },
  ],
  options: [
    ...commonOptions,
    {
      name: 'directory',
      argument: 'DIR',
      summary:
        'Where it is kept there: absolute, or below the home of the user who logs in. Default: distribution.directory, .local/lib/twowarm.',
    },
    {
      name: 'identity',
      argument: 'FILE',
      summary:
        'The private key to log in with, in the place of ssh.identity_files: one that may run commands there.',
    },
    { name: 'back', summary: 'Use the previous version there again, once it is verified and has run.' },
    { name: 'list', summary: 'Show which versions are there, which is in use, and what is not set yet.' },
    { name: 'dry-run', summary: 'Look, and say what would be done; change nothing.' },
    {
      name: 'self-check',
      summary:
        'Say what this installation is and whether it runs here, and end: what a copy is asked before it is used.',
    },
    jsonOption('Print one JSON object for all nodes.'),
  ],
  notes: [
    'Of a node it needs a login with a shell, tar, coreutils and flock, and nothing of twowarm. There are in DIR: versions/,',
    'current and previous, which are links to two of them. What is in use is switched in one step, after every file was',
    'verified and the copy has run; killed or cut off at any moment, the node uses a whole version. Servers and their',
    'configuration are not touched: what to set there is said. The exit code is that of the first node that failed.',
    '',
  ],
  exitKinds: [
    'login-refused',
    'host-key',
    'not-allowed',
    'unsuited',
    'copy-damaged',
    'connection-lost',
    'no-space',
    'busy',
  ],
  run,
};
