// The last leg of --full: the segment restored by restoreWALFile, started as PostgreSQL starts it, from each place alone. It runs
// with a home of its own in a temporary directory, so that nothing is registered, pruned or noted for this node.
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readSegmentSize } from '../../postgres/control-file.ts';
import { exec } from '../../program/exec.ts';
import { installedProgram } from '../../program/installation.ts';
import { withoutSecret } from '../../program/road-url.ts';
import type { InForce } from '../../program/settings/settings.ts';
import { shellWord } from '../../program/shell-word.ts';
import { parseWalFileName } from '../../wal/filename.ts';
import { contentOf, type Content } from './content.ts';
import { names, urlOf, weightOf } from './destination.ts';
import { critical, ok, skipped, warning } from './findings.ts';
import { hashAt } from './follow-segment.ts';
import type { Followed, Scene } from './scene.ts';
import type { Finding, Step } from './step.ts';

/** A string or a list of them as TOML has it: JSON's escapes are TOML's. */
const toml = (value: InForce['value']): string => JSON.stringify(value);

/** This node as far as restoring needs it, with that one source. */
export function configurationFor(
  { inForce, limitMs }: Pick<Scene, 'inForce' | 'limitMs'>,
  source: string,
): string {
  const section = (name: string): string[] => [
    `[${name}]`,
    ...inForce
      .filter(({ key, origin }) => origin !== 'default' && key.startsWith(`${name}.`))
      .map(({ key, value }) => `${key.slice(name.length + 1)} = ${toml(value)}`),
  ];
  const dataDirectory = inForce.find(({ key }) => key === 'node.data_directory')!.value;
  return [
    '[node]',
    `data_directory = ${toml(dataDirectory)}`,
    '[restore]',
    `sources = ${toml([source])}`,
    "wait = 'off'",
    "retry_limit = '1s'",
    `time_limit = '${Math.ceil(limitMs)}ms'`,
    ...section('ssh'),
    ...section('rsync'),
    '',
  ].join('\n');
}

interface Restored {
  code: number | null;
  stderr: string;
  ms: number;
  /** Of what was restored; undefined where nothing was. */
  content: Content | undefined;
}

/** Restores the segment into a directory that goes again. */
async function restoreFrom(
  source: string,
  name: string,
  scene: Scene,
  signal: AbortSignal,
): Promise<Restored> {
  const directory = await mkdtemp(join(tmpdir(), 'twowarm-check-'));
  try {
    const home = join(directory, 'home');
    await mkdir(home, { mode: 0o700 });
    const file = join(home, 'twowarm.toml');
    await writeFile(file, configurationFor(scene, source), { mode: 0o600 });
    const target = join(directory, 'RECOVERYXLOG');
    const line = [installedProgram('restoreWALFile'), '--config', file, name, target]
      .map(shellWord)
      .join(' ');
    const environment = { ...scene.maybeServer?.environment, TWOWARM_HOME: home };
    const begun = performance.now();
    const ran = await exec('/bin/sh', ['-c', line], { signal, environment, workingDirectory: directory });
    const ms = Math.round(performance.now() - begun);
    const stderr = ran.stderr.trim().replaceAll('\n', ' ');
    const content = ran.code === 0 ? await contentOf(target, signal) : undefined;
    return { code: ran.code, stderr, ms, content };
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** How a restore went, compared with what it should have brought; its SHA-256 may not be known. */
export function judge(
  what: string,
  { code, stderr, ms, content }: Restored,
  expected: { sha256: string | undefined; sizeBytes: number },
): Finding[] {
  const hint = 'Restoring is what the archive is for: find out why before it is needed.';
  if (content === undefined)
    return [
      critical(`could not restore ${what}: exit code ${code ?? 'none'}`, {
        detail:
          stderr === ''
            ? 'It says nothing: the source answers that it does not have it.'
            : `restoreWALFile says: ${stderr}`,
        hint,
      }),
    ];
  const { sha256 = content.sha256, sizeBytes } = expected;
  if (content.sizeBytes !== sizeBytes || content.sha256 !== sha256)
    return [critical(`what was restored as ${what} has another content`, { hint })];
  const compared =
    expected.sha256 === undefined ? 'whose content cannot be compared any more' : 'byte for byte';
  return [ok(`restored ${what} within ${ms} ms, ${compared}`, { figures: { ms } })];
}

/** Restores the segment from there, and notes the hop. */
async function tryFrom(
  { source, shown, from }: { source: string; shown: string; from: string },
  { name, sha256 }: Pick<Followed, 'name' | 'sha256'>,
  scene: Scene,
  signal: AbortSignal,
): Promise<Finding[]> {
  const restored = await restoreFrom(source, name, scene, signal);
  const ms = restored.content === undefined ? null : restored.ms;
  scene.hops.push({ segment: name, from, to: 'restoreWALFile', ms });
  const sizeBytes = readSegmentSize(scene.node.settings.dataDirectory);
  return judge(shown, restored, { sha256, sizeBytes });
}

const restoredFromEach: Step = {
  id: 'segment-restored',
  looksAt:
    'The segment restored from each destination that has it and that this node may read: restoreWALFile is started by sh -c as PostgreSQL starts it, into a temporary file, which is compared byte for byte.',
  where: 'primary',
  isFull: true,
  needs: ['segment-arrived'],
  subjects: names,
  doing: (scene, name) => `restore the segment from ${urlOf(scene, name)}`,
  faultIs: weightOf,
  run: async (scene, signal, name) => {
    const followed = scene.followed!;
    const road = scene.road(name);
    if (road.receiver?.mayRead === false)
      return [
        skipped(`not restored: this key may not read at ${urlOf(scene, name)}`, {
          hint: `The node that restores from there tests it: twowarm check --full, on ${name}.`,
        }),
      ];
    if ((await road.stat(followed.name, signal)) === 'missing')
      return [skipped(`not restored: ${followed.name} is not at ${urlOf(scene, name)}`)];
    const shown = `${followed.name} from ${urlOf(scene, name)}`;
    return tryFrom({ source: scene.destination(name).url, shown, from: name }, followed, scene, signal);
  },
};

const newestSegment = (all: readonly string[]): string | undefined =>
  all.findLast((name) => parseWalFileName(name)?.kind === 'segment');

const restoredNewest: Step = {
  id: 'newest-restored',
  looksAt:
    'On a standby: the newest segment of each source, restored in the same way. What a source holds and cannot give back shows here, and not in the middle of a recovery.',
  where: 'standby',
  isFull: true,
  needs: ['source-road'],
  subjects: ({ node }) => node.settings.restore.sources.map(withoutSecret),
  doing: (_scene, url) => `restore the newest segment from ${url}`,
  run: async (scene, signal, url) => {
    const source = scene.node.settings.restore.sources.find((each) => withoutSecret(each) === url)!;
    const road = scene.road(source);
    const segment = newestSegment(await road.list(signal));
    if (segment === undefined)
      return [
        warning(`${url} has no segment`, {
          hint: 'Nothing has arrived yet, or everything was pruned: twowarm check on the primary.',
        }),
      ];
    const sha256 = await hashAt(road, segment, signal);
    const shown = `${segment}, the newest one, from ${url}`;
    return tryFrom({ source, shown, from: url }, { name: segment, sha256 }, scene, signal);
  },
};

export const restoreSteps = [restoredFromEach, restoredNewest];
