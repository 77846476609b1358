// What a preparation and a copy will do to a target, as sentences: a dry run shows them.
import type { Situation } from './look.ts';

const files = (count: number): string => (count === 1 ? '1 file' : `${count} files`);

/** In order, without a full stop. */
export function stepsOf(situation: Situation): string[] {
  const { place, content, leftovers, quarantine, home, savesConfiguration } = situation;
  const steps: string[] = [];
  if (content.state === 'missing') steps.push(`create directory ${place.path}`);
  if (leftovers.names.length > 0) {
    steps.push(`keep ${files(leftovers.names.length)} of WAL that wait to be archived in ${quarantine}`);
  }
  if (savesConfiguration) steps.push(`save the configuration of this node in ${home}/saved-configuration`);
  if (content.state === 'data-directory') {
    steps.push('remove pg_control, so that no server can start there before the copy has ended');
    steps.push(
      'remove signal files, recovery.conf, backup_label, postmaster.pid and what else its last server left',
    );
  }
  return [...steps, ...walSteps(situation), ...tablespaceSteps(situation), lastStep(content.state)];
}

function walSteps({ wal: { now, isLink, wanted } }: Situation): string[] {
  const steps = now === undefined ? [] : [`empty pg_wal${isLink ? `, which is ${now.real}` : ''}`];
  return wanted === undefined ? steps : [...steps, `make pg_wal a symbolic link to ${wanted.path}`];
}

function tablespaceSteps({ tablespaces, strayLinks }: Situation): string[] {
  const made = tablespaces.filter(({ isLinked }) => !isLinked);
  return [
    ...strayLinks.map(({ oid, aim }) => `remove the link to tablespace ${oid}, and leave ${aim} as it is`),
    ...made.map(({ oid, path }) => `put tablespace ${oid} into ${path}`),
  ];
}

function lastStep(state: Situation['content']['state']): string {
  if (state === 'unfinished')
    return 'go on with the copy that was interrupted, and remove what the source does not have';
  if (state === 'data-directory') return 'copy what differs, and remove what the source does not have';
  return 'copy all files';
}
