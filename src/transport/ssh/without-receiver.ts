// A login whose receiver was not found: whether there is none, and whether SFTP may take its place. A receiver that is there and
// fails, and a key that may run nothing else, never lead there.
import { randomBytes } from 'node:crypto';
import { bounded } from '../../program/bounded.ts';
import { ProgramError } from '../../program/program-error.ts';
import type { SshSettings } from '../../program/settings/settings.ts';
import type { SftpCarrier } from '../sftp/session.ts';
import type { Way } from '../transport.ts';
import { LinkFault, type Login, type WithoutReceiver } from './carrier.ts';

/** What the road says of itself. */
export const wayInstead: Way = {
  words: 'There is no receiver of twowarm over there, so files go by SFTP.',
  cure: 'Install twowarm there, and set ssh.receiver to the path of its bin/twowarm.',
};
export const wayOfUrl: Way = {
  words: 'Files go by SFTP, as the URL says.',
  cure: 'Install twowarm there, and write ssh: instead of sftp:.',
};

/**
 * Asks the shell over there: a forced command would run in place of the question, and its answer has words in it that the
 * question has not.
 */
async function isAbsent(login: Login, receiver: string): Promise<boolean> {
  const mark = randomBytes(8).toString('hex');
  const look = `command -v ${receiver} >/dev/null 2>&1 || printf 'twowarm-%s-%s' absent ${mark}`;
  return (await login.outputOf(look)).includes(`twowarm-absent-${mark}`);
}

/**
 * The session of SFTP that takes the receiver's place. Throws the fault, with what cures it, where there may be none: the login is
 * ended then.
 */
export async function sftpInstead(
  fault: WithoutReceiver,
  { receiver, connectLimitMs }: SshSettings,
  mayLackDurable: boolean,
  stop: AbortSignal,
): Promise<SftpCarrier> {
  const login = fault.instead;
  try {
    return await bounded('connect', connectLimitMs, stop, async (signal) => {
      signal.addEventListener('abort', () => login.end(true));
      if (!(await isAbsent(login, receiver))) throw new LinkFault(fault.kind, fault.message, fault);
      if (!mayLackDurable) throw withBothCures(fault);
      return await login.openSftp().catch((error: unknown) => {
        throw error instanceof ProgramError && error.kind === 'protocol' ? withoutSftp(fault, error) : error;
      });
    });
  } catch (error) {
    login.end();
    // Its limit, as every other fault of the connection.
    if (!stop.aborted && error instanceof ProgramError)
      throw new LinkFault(error.kind, error.message, { ...partsOf(error), cause: error });
    throw error;
  }
}

const partsOf = ({ detail, hint }: ProgramError) => ({ detail, hint });

const sentence = (words: string): string => (words.endsWith('.') ? words : `${words}.`);

const withDetail = (
  { kind, message, detail = '' }: ProgramError,
  more: string,
  hint: string | undefined,
): LinkFault =>
  new LinkFault(kind, message, { detail: detail === '' ? more : `${sentence(detail)} ${more}`, hint });

/** It may not lack what SFTP does. */
const withBothCures = (fault: ProgramError): LinkFault =>
  withDetail(
    fault,
    'Files could go by SFTP, but that is not-durable: a file that counts as stored may be lost in a power failure of the far side.',
    `${fault.hint} Or let files go there by SFTP: accept = ['not-durable'] in the section of this destination, or policy = 'best-effort'.`,
  );

const withoutSftp = (fault: ProgramError, { message }: ProgramError): LinkFault =>
  withDetail(fault, `Files cannot go by SFTP either: ${sentence(message)}`, fault.hint);
