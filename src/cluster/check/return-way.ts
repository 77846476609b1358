// The way back: after a change of roles each node ships to the one that it was fed by. That can only be tested from there: where
// the key may run commands, the check of the far node is run and reported as its own.
import { dirname, join } from 'node:path';
import { readRoadUrl, withoutSecret } from '../../program/road-url.ts';
import { shellWord } from '../../program/shell-word.ts';
import type { SshRoad } from '../../program/ssh-url.ts';
import { ok, orOk, skipped, warning } from './findings.ts';
import { readFarAnswer, type FarAnswer } from './far-answer.ts';
import type { Scene } from './scene.ts';
import type { Finding, Level, Step } from './step.ts';

const roadTo = (scene: Scene, name: string): SshRoad | undefined => {
  const road = readRoadUrl(scene.destination(name).url);
  return road.kind === 'ssh' ? road : undefined;
};

/** What is asked of the far node: its roads, as they are there. */
const asked = 'configuration,destination-road,source-road,arbiter';

/** Undefined where the configuration does not say that a node is there. */
const dataDirectoryOf = (scene: Scene, name: string): string | undefined =>
  scene.inForce.find(({ key }) => key === `destination.${name}.data_directory`)?.value as string | undefined;

/** The node that has the archive: by its data directory where that is configured, else by the home around the archive. */
function commandFor(scene: Scene, name: string, { directory }: SshRoad): string {
  const { receiver } = scene.node.settings.ssh;
  const dataDirectory = dataDirectoryOf(scene, name);
  const where =
    dataDirectory === undefined
      ? ['--config', join(dirname(directory), 'twowarm.toml')]
      : ['-D', dataDirectory];
  const limit = ['--timeout', `${Math.max(1000, Math.floor(scene.limitMs / 2))}ms`];
  return `${receiver} check --json --only ${asked} ${[...limit, ...where].map(shellWord).join(' ')}`;
}

const locked = (name: string): Finding =>
  skipped('not tested from there: this key is locked to the receiver, as it should be', {
    hint: `On the machine of ${name}: twowarm check`,
  });

const notTold = (name: string, detail: string): Finding =>
  skipped('not tested from there: no node answers for the archive', {
    detail,
    hint: `If ${name} is a node, name its data directory (destination.${name}.data_directory), or run twowarm check there. This key may run any command over there; the line that limits it is made there: twowarm receive --authorized-keys-line`,
  });

const unlocked =
  'This key may run any command over there. The line that limits it is made there: twowarm receive --authorized-keys-line';

function judge(scene: Scene, name: string, { node, steps }: FarAnswer): Finding[] {
  const failed = steps.find(({ id, level }) => id === 'configuration' && level === 'critical');
  if (failed !== undefined) {
    const message = failed.findings[0]?.message ?? '';
    if (dataDirectoryOf(scene, name) === undefined) return [notTold(name, `It says: ${message}`)];
    return [
      warning(`from ${name}: configuration: ${message}`, {
        detail: 'After a change of roles nothing would come back to this node.',
        hint: `On ${name}: twowarm check`,
      }),
    ];
  }
  const isPartner = scene.destination(name).policy === 'required';
  const roads = steps.filter(({ id, subject }) => id === 'destination-road' && subject !== null);
  if (roads.length === 0) {
    const words = `${node} has no destination: after a change of roles nothing comes back to this node`;
    if (!isPartner) return [ok(words)];
    return [
      warning(words, { hint: `Add a [destination.${scene.node.settings.nodeName}] to its configuration.` }),
    ];
  }
  const wrong = steps.flatMap(({ id, subject, findings }) =>
    findings
      .filter(({ level }) => !['ok', 'skipped'].includes(level))
      .map(({ level, message, detail, hint }): Finding => {
        const where = `from ${node}: ${id}${subject === null ? '' : ` ${subject}`}: ${message}`;
        return { level: level satisfies Level, message: where, detail, hint: hint && `On ${node}: ${hint}` };
      }),
  );
  const names = roads.map(({ subject }) => subject);
  const words = `${node} reaches its destinations: ${names.join(', ')}`;
  const { nodeName } = scene.node.settings;
  if (wrong.length > 0 || !isPartner || names.includes(nodeName))
    return orOk(wrong, words, { detail: unlocked });
  return [
    skipped(`${words}; whether one of them is this node is not known: none is named ${nodeName}`, {
      detail: unlocked,
      hint: `If none of them leads here, add a [destination.${nodeName}] to the configuration of ${node}.`,
    }),
  ];
}

export const returnWay: Step = {
  id: 'return-way',
  looksAt:
    'The way back from each ssh destination, which counts after a change of roles: where the key may run commands, the far node tests its own roads, and what it finds is reported; where the key is locked to the receiver this says so.',
  needs: ['destination-road'],
  subjects: ({ node }) =>
    node.settings.destinations.filter(({ url }) => readRoadUrl(url).kind === 'ssh').map(({ name }) => name),
  doing: (scene, name) => `have ${withoutSecret(scene.destination(name).url)} tested from there`,
  run: async (scene, signal, name) => {
    const road = roadTo(scene, name)!;
    const { runOverSsh } = await import('../../transport/ssh/open-ssh.ts');
    const ran = await runOverSsh(road, scene.node.settings.ssh, commandFor(scene, name, road), signal);
    if (ran.isReceiver) return [locked(name)];
    const answer = readFarAnswer(ran.stdout);
    if (answer !== undefined) return judge(scene, name, answer);
    const said = ran.stdout.trim().split('\n')[0] ?? '';
    return [notTold(name, said === '' ? (ran.ending?.message ?? '') : `It says: ${said.slice(0, 200)}`)];
  },
};
