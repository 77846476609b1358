// What init prints: each part with a heading, and below it lines that can be pasted as they are; or all of it as one JSON
// object.
import { printable } from '../../program/print-error.ts';
import { shellWord } from '../../program/shell-word.ts';
import type { Applied } from './apply-settings.ts';
import { oneLogin, type AuthorizedKey, type HostKey } from './far-nodes.ts';
import type { Checked } from './final-check.ts';
import { describeCluster } from './local-cluster.ts';
import type { Plan } from './make-plan.ts';
import { nextLines } from './next-steps.ts';
import { isBrought } from './propose-settings.ts';

export interface Result {
  plan: Plan;
  outcome: 'planned' | 'written' | 'unchanged';
  /** Paths that were made, or would be. */
  made: readonly string[];
  authorizedKeys: readonly AuthorizedKey[];
  hostKeys: readonly HostKey[];
  /** Undefined: nobody has asked for it. */
  applied: readonly Applied[] | undefined;
  /** Undefined: a dry run, or there are no data yet. */
  checked: Checked | undefined;
}

/** A heading and lines; nothing where there are none. */
const part = (heading: string, lines: readonly string[]): string[] =>
  lines.length === 0 ? [] : ['', `== ${heading}`, ...lines];

const commented = (text: string): string => `# ${printable(text)}`;

function headLines({ plan, outcome, made }: Result): string[] {
  const { cluster, home, homePlan, role, answers } = plan;
  const planned = made.includes(homePlan.configuration) ? 'would be written' : 'was there already';
  const words = { planned, written: 'written', unchanged: 'was there already' };
  return [
    `${answers.name} (${role}): ${cluster.dataDirectory}: ${describeCluster(cluster)}`,
    `Home: ${home.path}${home.because === undefined ? '' : `, because ${home.because}`}`,
    `Configuration: ${homePlan.configuration}, ${words[outcome]}`,
    ...(homePlan.archiving === 'on'
      ? []
      : [
          `Archiving: ${homePlan.archiving}, until: twowarm archiving on -D ${shellWord(cluster.dataDirectory)}`,
        ]),
  ];
}

function takenLines({ plan: { takenOver } }: Result): string[] {
  if (takenOver === undefined) return [];
  const lines = takenOver.notes.map(({ what, sentence }) => printable(`${what}: ${sentence}`));
  return part(`Taken over from ${takenOver.from}`, lines);
}

function settingLines({ plan: { settings, server, cluster, role }, applied }: Result): string[] {
  if (isBrought(cluster, role))
    return part('postgresql.conf', [
      commented("the primary's comes with the data; configStandby adds what a standby needs"),
    ]);
  const asked =
    cluster.state !== 'there'
      ? 'there are no data yet'
      : 'the server was not asked, its files say what is in force';
  const source = server.letsUsIn
    ? []
    : [commented(`${asked}${server.fault === undefined ? '' : ` (${server.fault})`}`)];
  const lines = settings.flatMap(({ line, why, needsRestart }) => [
    commented(`${why}${needsRestart ? '; it needs a restart' : ''}`),
    line,
  ]);
  if (lines.length === 0) return part('postgresql.conf', [...source, commented('nothing to change')]);
  if (applied === undefined) return part('Lines for postgresql.conf', [...source, ...lines]);
  const results = applied.map(({ name, fault }) =>
    printable(fault === null ? `${name}: set` : `${name}: could not be set: ${fault}`),
  );
  const restarts = settings.filter(({ needsRestart }) => needsRestart).map(({ name }) => name);
  const last = restarts.length === 0 ? [] : [`A restart of the server is needed for: ${restarts.join(', ')}`];
  return part('Settings by ALTER SYSTEM', [...results, ...last]);
}

/** What is to be known of the keys that those lines are for. */
function keyNotes({ authorizedKeys, plan: { answers } }: Result): string[] {
  const { identityFiles, copyIdentityFiles } = answers;
  const isNamed = identityFiles !== undefined || copyIdentityFiles !== undefined;
  const lacks = authorizedKeys.some(({ line }) => line.endsWith(' PUBLIC-KEY'));
  const copies = authorizedKeys.some(({ right }) => right === 'base backups');
  return [
    ...(lacks
      ? [
          `put the public key (.pub) in the place of PUBLIC-KEY; a key each${isNamed ? '' : ', --generate-key makes them'}`,
        ]
      : []),
    // A key has one line there, and one for the archive lets no base backup in.
    ...(copies && copyIdentityFiles === undefined
      ? [
          'base backups log in with a key of their own: copy_identity_files below [ssh] (--copy-identity) names it',
        ]
      : []),
    ...oneLogin(answers).map(
      (names) =>
        `${names.join(' and ')} are reached by one login, where a key has one line only: give them different users, or hosts of ssh_config with keys of their own`,
    ),
  ].map(commented);
}

function farLines(result: Result): string[] {
  const { authorizedKeys, hostKeys } = result;
  const keys = authorizedKeys.flatMap(({ login, right, line }) => [
    commented(`${login}, for ${right === 'archive' ? 'archiving' : right}`),
    line,
  ]);
  const where =
    keys.length === 0
      ? []
      : [commented('the path of twowarm is the one here; correct it where it is another one there')];
  const hosts = hostKeys.flatMap(({ host, of, scan, compare, accept }) => [
    commented(`${host} (${of.join(', ')}): here`),
    scan,
    commented(`${host} (${of.join(', ')}): there`),
    compare,
    commented(`${host} (${of.join(', ')}): only if both show the same fingerprint, here`),
    accept,
  ]);
  return [
    ...part('Lines for ~/.ssh/authorized_keys on the other nodes', [...where, ...keys, ...keyNotes(result)]),
    ...part('Host keys that are not known yet', hosts),
  ];
}

function localLines({ plan: { access, sudoers, services } }: Result): string[] {
  return [
    ...part(
      'Lines for pg_hba.conf',
      access.flatMap(({ line, why }) => [commented(why), line]),
    ),
    ...part('Lines for /etc/sudoers.d/twowarm', sudoers),
    ...services.flatMap(({ why, into, lines }) => part(`For ${into}`, [commented(why), ...lines])),
  ];
}

const endLines = ({ checked }: Result): string[] =>
  checked === undefined
    ? []
    : part(`twowarm check (exit code ${checked.exitCode})`, checked.output.trimEnd().split('\n'));

/** For a person. */
export function describe(result: Result): string {
  const { plan, made, outcome } = result;
  const heading = outcome === 'planned' ? 'Would be made' : 'Made';
  return `${[
    ...headLines(result),
    ...takenLines(result),
    ...part(plan.homePlan.configuration, plan.homePlan.text.trimEnd().split('\n')),
    ...part(heading, [...made, ...(outcome === 'planned' ? plan.keys.wanted : [])]),
    ...settingLines(result),
    ...localLines(result),
    ...farLines(result),
    ...endLines(result),
    ...part('Next', nextLines(result)),
  ].join('\n')}\n`;
}

/** For a program; ends in a line feed. */
export function toJson({ plan, outcome, made, authorizedKeys, hostKeys, applied, checked }: Result): string {
  const { cluster, role, answers, home, homePlan, keys, settings, access, sudoers, services, takenOver } =
    plan;
  const answer = {
    outcome,
    dataDirectory: cluster.dataDirectory,
    role,
    name: answers.name,
    home: home.path,
    configuration: homePlan.configuration,
    text: homePlan.text,
    archiving: homePlan.archiving,
    made,
    keys: keys.wanted,
    settings,
    applied: applied ?? null,
    pgHba: access,
    sudoers,
    services,
    authorizedKeys,
    hostKeys,
    takenOver: takenOver ?? null,
    check:
      checked === undefined
        ? null
        : {
            exitCode: checked.exitCode,
            answer: checked.output === '' ? null : (JSON.parse(checked.output) as unknown),
          },
  };
  return `${JSON.stringify(answer)}\n`;
}
