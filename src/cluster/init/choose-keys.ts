// With which keys this node logs in elsewhere: those that are named, or new ones if somebody wants them.
import type { ProgramCall } from '../../program/command.ts';
import { ProgramError } from '../../program/program-error.ts';
import { readRoadUrl } from '../../program/road-url.ts';
import type { Answers } from './answers.ts';
import type { Asker } from './asker.ts';
import { keyPaths } from './own-keys.ts';

export interface ChosenKeys {
  /** Key files that are to be there, made where they are not. */
  wanted: readonly string[];
  answers: Pick<Answers, 'identityFiles' | 'copyIdentityFiles'>;
}

const isOverSsh = (url: string): boolean => readRoadUrl(url).kind === 'ssh';

async function wantsKeys(call: ProgramCall, asker: Asker, answers: Answers): Promise<boolean> {
  if (call.options['generate-key'] === true) {
    const named = ['identity', 'copy-identity'].find((name) => typeof call.options[name] === 'string');
    if (named === undefined) return true;
    throw new ProgramError('usage', `--generate-key and --${named} contradict each other`);
  }
  const destinations = answers.destinations ?? [];
  const isNamed = answers.identityFiles !== undefined || answers.copyIdentityFiles !== undefined;
  if (isNamed || !destinations.some(({ url }) => isOverSsh(url))) return false;
  return asker.confirm(`Make keys to log in with there (${keyPaths().archiving})?`, asker.isThere);
}

/** A second key where base backups are made: they need another right over there. */
export async function chooseKeys(call: ProgramCall, asker: Asker, answers: Answers): Promise<ChosenKeys> {
  const { identity, 'copy-identity': copyIdentity } = call.options;
  if (identity !== undefined && identity === copyIdentity)
    throw new ProgramError('usage', '--identity and --copy-identity name the same key', {
      hint: 'sshd takes the first line that a key has in authorized_keys: base backups need another key.',
    });
  if (!(await wantsKeys(call, asker, answers))) return { wanted: [], answers: {} };
  const { archiving, copying } = keyPaths();
  const copies = answers.destinations?.some(({ dataDirectory }) => dataDirectory !== undefined) === true;
  return {
    wanted: copies ? [archiving, copying] : [archiving],
    answers: { identityFiles: [archiving], ...(copies && { copyIdentityFiles: [copying] }) },
  };
}
