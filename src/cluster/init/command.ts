// twowarm init: a fresh node gets its home and its configuration, and a person the exact lines for everything else. Nothing
// that is there is ever overwritten, and the server is changed only where somebody asks for it.
import type { Command, ProgramCall } from '../../program/command.ts';
import { applySettings, type Applied } from './apply-settings.ts';
import { findAsker, type Asker } from './asker.ts';
import { authorizedKeys, unknownHosts } from './far-nodes.ts';
import { checkNode } from './final-check.ts';
import { makePlan, type Plan } from './make-plan.ts';
import { initOptions } from './options.ts';
import { makeKey } from './own-keys.ts';
import { describe, toJson, type Result } from './report.ts';
import { compareConfiguration, listMissing, refuseOther, writeHome } from './write-home.ts';

/** Whether there is one already; another one is shown as a difference, and refused. */
function expectFree({ homePlan }: Plan, call: ProgramCall): 'free' | 'same' {
  const found = compareConfiguration(homePlan);
  if (found === 'free' || found === 'same') return found;
  const { configuration } = homePlan;
  if (call.options['json'] !== true)
    call.voice.answer([`--- ${configuration}`, '+++ what would be written', ...found, ''].join('\n'));
  return refuseOther(homePlan);
}

async function applyIfWanted(
  { server, settings }: Plan,
  asker: Asker,
  call: ProgramCall,
): Promise<readonly Applied[] | undefined> {
  if (settings.length === 0) return undefined;
  const isAsked = call.options['apply-settings'] === true;
  if (!server.letsUsIn) {
    if (isAsked)
      await call.voice.report('WARNING', {
        message: 'could not set anything by ALTER SYSTEM: the server cannot be asked',
        detail: server.fault === undefined ? 'It is not running.' : `It said: ${server.fault}`,
        hint: 'Put the lines into postgresql.conf.',
      });
    return undefined;
  }
  const names = settings.map(({ name }) => name).join(', ');
  const isWanted =
    isAsked || (asker.isThere && (await asker.confirm(`Set ${names} by ALTER SYSTEM?`, false)));
  return isWanted ? applySettings(server, settings) : undefined;
}

/** What is to be done elsewhere; keys that were just made are in it. */
const elsewhere = async ({ answers, cluster }: Plan, call: ProgramCall) => ({
  authorizedKeys: authorizedKeys(answers, cluster.dataDirectory),
  hostKeys: await unknownHosts(answers, call.stop),
});

async function write(plan: Plan, asker: Asker, call: ProgramCall): Promise<Result> {
  const found = compareConfiguration(plan.homePlan);
  const made = [...writeHome(plan.homePlan)];
  for (const key of plan.keys.wanted)
    if (await makeKey(key, `twowarm ${plan.answers.name}`, call.stop)) made.push(key, `${key}.pub`);
  const applied = await applyIfWanted(plan, asker, call);
  const { dataDirectory, state } = plan.cluster;
  const checked = state === 'there' ? await checkNode(call, dataDirectory) : undefined;
  const outcome = found === 'same' ? 'unchanged' : 'written';
  return { plan, outcome, made, applied, checked, ...(await elsewhere(plan, call)) };
}

async function planned(plan: Plan, call: ProgramCall): Promise<Result> {
  const made = listMissing(plan.homePlan);
  return {
    ...{ plan, outcome: 'planned', made, applied: undefined, checked: undefined },
    ...(await elsewhere(plan, call)),
  };
}

/** At a terminal: what will be made, before it is. */
async function isWanted(plan: Plan, asker: Asker, call: ProgramCall): Promise<boolean> {
  if (!asker.isThere) return true;
  const { homePlan, keys } = plan;
  const lines = [...homePlan.text.trimEnd().split('\n'), '', ...listMissing(homePlan), ...keys.wanted];
  call.voice.answer(`${lines.join('\n')}\n`);
  return asker.confirm('Make this?', true);
}

const declined = 1;

async function run(call: ProgramCall): Promise<number> {
  const asker = await findAsker(call);
  const plan = await makePlan(call, asker);
  try {
    const found = expectFree(plan, call);
    const isDry = call.options['dry-run'] === true;
    if (!isDry && found === 'free' && !(await isWanted(plan, asker, call))) return declined;
    const result = await (isDry ? planned(plan, call) : write(plan, asker, call));
    call.voice.answer(call.options['json'] === true ? toJson(result) : describe(result));
    return 0;
  } finally {
    await plan.server.close();
  }
}

export const command: Command = {
  name: 'twowarm init',
  summary: 'Makes the home and the configuration of a node, and shows the lines for everything else.',
  positionals: [],
  options: initOptions,
  exitStatus: [{ code: declined, meaning: 'at the terminal somebody said no: nothing was made' }],
  exitKinds: ['configuration-exists'],
  notes: [
    'At a terminal it asks what the options leave open. Without one, or with --json, a missing answer is an error that names',
    'its option: --pgdata, --role, --name and, on a primary, --destination. Nothing that is there is overwritten, host keys are',
    'not accepted, and the server is changed only with --apply-settings, or where the question is answered with yes.',
    'Called again without an answer it takes them from the configuration that is there: to see the lines once more, or to apply',
    'settings. It ends with twowarm check, whose exit code is shown and does not change its own.',
    '',
  ],
  run,
};
