// Whether the program that a setting names is there and is this twowarm: found, and asked for its version, as the server
// would start it.
import { existsSync, realpathSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';
import { askVersion } from '../../postgres/ask-version.ts';
import type { Call } from '../../postgres/command-calls.ts';
import { findPlace } from '../../program/home.ts';
import { ProgramError } from '../../program/program-error.ts';
import { version } from '../../program/version.ts';
import { critical, warning } from './findings.ts';
import type { Scene } from './scene.ts';
import type { Finding } from './step.ts';

/** How the server starts its commands: in the data directory, in its own environment (`env -i` where that is not known). */
function startOf(call: Call, { server, node }: Scene) {
  return {
    environment: { ...server.environment, ...call.environment },
    workingDirectory: node.settings.dataDirectory,
  };
}

/** Relative paths are found in the data directory, bare names by the PATH of the server. */
function ofPath(setting: string, { program }: Call, scene: Scene): Finding[] {
  if (isAbsolute(program)) return [];
  const isBare = !program.includes('/');
  const isFound = isBare || existsSync(resolve(scene.node.settings.dataDirectory, program));
  return [
    (isFound ? warning : critical)(`${setting} names ${program} without its directory`, {
      detail: isBare
        ? 'The server looks for it by the PATH that it was started with, which may be another one after the next start.'
        : 'The server looks for it in the data directory.',
      hint: 'Write the absolute path of the program.',
    }),
  ];
}

/** Asks for its version, by sh -c as the server does. */
async function ofProgram(setting: string, call: Call, scene: Scene, signal: AbortSignal): Promise<Finding[]> {
  const { code, said, version: found } = await askVersion(call, startOf(call, scene), signal);
  if (code !== 0)
    return [
      critical(`${setting} cannot run ${call.program}: exit code ${code ?? 'none'}`, {
        detail: said === '' ? undefined : `It says: ${said}`,
        hint: 'Install twowarm there, or correct the path; the user of the server must be able to run it.',
      }),
    ];
  if (found === undefined)
    return [
      critical(`${setting} calls another ${call.name} than twowarm's: ${call.program}`, {
        detail: `It says: ${said}`,
        hint: 'Correct the path.',
      }),
    ];
  if (found === version) return [];
  return [
    warning(`${setting} calls twowarm ${found}, but this is twowarm ${version}`, {
      detail: `It is ${call.program}.`,
      hint: 'Correct the path, or remove the other installation.',
    }),
  ];
}

const optionOf = (words: readonly string[], names: readonly string[]): string | undefined => {
  for (const [index, word] of words.entries()) {
    const name = names.find((each) => word === each || word.startsWith(`${each}=`));
    if (name !== undefined) return word === name ? words[index + 1] : word.slice(name.length + 1);
  }
  return undefined;
};

/** Whether the server's call finds the configuration that this one has judged. */
function ofConfiguration(setting: string, call: Call, scene: Scene): Finding[] {
  const { settings } = scene.node;
  const { environment, workingDirectory } = startOf(call, scene);
  const hint = `Name the same one in ${setting} and here: --config ${settings.configurationFile}`;
  let file: string;
  try {
    file = findPlace({
      configOption: optionOf(call.words, ['--config']),
      dataDirectoryOption: optionOf(call.words, ['-D', '--pgdata']),
      ...{ environment, workingDirectory },
    }).configurationFile;
  } catch (error) {
    if (!(error instanceof ProgramError)) throw error;
    return [critical(`${setting} would fail: ${error.message}`, { hint: error.hint })];
  }
  const [ours, theirs] = [settings.configurationFile, file].map((path) =>
    existsSync(path) ? realpathSync(path) : path,
  );
  if (ours === theirs) return [];
  return [
    critical(`${setting} uses another configuration: ${file}`, {
      detail: `This check is about ${ours}.`,
      hint,
    }),
  ];
}

/** Everything about the program that a setting calls; the words of the call are judged by whoever knows them. */
export async function judgeProgram(
  setting: string,
  call: Call,
  scene: Scene,
  signal: AbortSignal,
): Promise<Finding[]> {
  const ofPlace = ofPath(setting, call, scene);
  if (ofPlace.some(({ level }) => level === 'critical')) return ofPlace;
  const ofRun = await ofProgram(setting, call, scene, signal);
  return [...ofPlace, ...ofRun, ...(ofRun.length === 0 ? ofConfiguration(setting, call, scene) : [])];
}
