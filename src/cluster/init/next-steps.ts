// What a person does after init, in order, as sentences and lines to run: up to the base backups on a primary, from them on
// elsewhere.
import { join } from 'node:path';
import { restartLine } from '../../postgres/restart-line.ts';
import { installedAt } from '../../program/installed-at.ts';
import { shellWord } from '../../program/shell-word.ts';
import type { PlannedDestination } from './answers.ts';
import type { Result } from './report.ts';

/** Which program copies there when it is given no name. */
const copierFor = ({ policy }: PlannedDestination): string =>
  policy === 'required' ? 'copyToStandby' : 'copyToDR';

/** What a server that runs still lacks of what is proposed. */
function settingsLines({ plan: { settings, answers }, applied }: Result): string[] {
  if (settings.length === 0) return [];
  const restarts = settings.filter(({ needsRestart }) => needsRestart).map(({ name }) => name);
  const line = answers.startCommand === undefined ? undefined : restartLine(answers.startCommand);
  const restart = `start the server again${line === undefined ? '' : ` (${line})`}`;
  return [
    ...(applied === undefined
      ? ['put the lines into postgresql.conf, or: twowarm init --apply-settings']
      : []),
    ...(restarts.length > 0 ? [`${restart}, for ${restarts.join(', ')}`] : []),
  ];
}

const whyNoCopy = (name: string): string =>
  `no copy is listed to ${name}: where its data directory is, --pgdata-of says, or data_directory in [destination.${name}]`;

/** What can be run here; the check is shown already, unless this is a dry run. */
export function nextLines(result: Result): string[] {
  const { plan, checked } = result;
  const own = (program: string): string =>
    `${shellWord(join(installedAt(), 'bin', program))} -D ${shellWord(plan.cluster.dataDirectory)}`;
  if (plan.cluster.state !== 'there' && plan.role !== 'primary')
    return [
      `${plan.role === 'dr' ? 'copyToDR' : 'copyToStandby'} on the primary brings the data; then here, which says what comes after it:`,
      own('configStandby'),
    ];
  const check = `${shellWord(join(installedAt(), 'bin', 'twowarm'))} check -D ${shellWord(plan.cluster.dataDirectory)}`;
  const targets = (plan.answers.destinations ?? []).filter(
    ({ dataDirectory }) => dataDirectory !== undefined,
  );
  const unplaced = (plan.answers.destinations ?? []).filter(
    ({ dataDirectory }) => dataDirectory === undefined,
  );
  return [
    ...settingsLines(result),
    ...(checked === undefined ? [check] : []),
    ...(plan.role !== 'primary' || targets.length === 0
      ? []
      : [
          'once twowarm init was called on the other nodes, and the check here is well, their data directories:',
          ...targets.map((each) => `${own(copierFor(each))} ${each.name}`),
        ]),
    ...(plan.role !== 'primary' ? [] : unplaced.map(({ name }) => whyNoCopy(name))),
  ];
}
