// A node that logs in with a key of its own, which the line of twowarm receive --authorized-keys-line lets in.
import { program } from '../../harness/installation.ts';
import { run } from '../../harness/run.ts';
import { keygen, makeSshKey } from '../../harness/ssh-keys.ts';
import type { Sshd } from '../../harness/sshd.ts';
import { sshNode, type SshNode } from './ssh-node.ts';

export interface LockedNode extends SshNode {
  /** The DETAIL of a refusal that is the line's: who logs in, and with which key. */
  readonly login: string;
  /** The line. */
  readonly line: string;
}

/** The SHA256:… of a key, as ssh-keygen has it. */
export const fingerprint = async (file: string): Promise<string> =>
  (await keygen(['-lf', file])).split(' ')[1]!;

/** `options` of twowarm receive, such as --allow-read. */
export async function lockedNode(sshd: Sshd, ...options: string[]): Promise<LockedNode> {
  const node = await sshNode('locked', sshd);
  const { path } = await makeSshKey(node.sandbox, 'locked_key');
  const words = ['receive', '--authorized-keys-line', '--directory', node.far, ...options, `${path}.pub`];
  const { code, stdout, stderr } = await run(program('twowarm'), words);
  if (code !== 0 || stderr !== '') throw new Error(`no line was made: ${stderr}`);
  if (!stdout.startsWith(`restrict,command="${program('twowarm')} receive --directory ${node.far}`))
    throw new Error(`another line was made: ${stdout}`);
  sshd.addKey(stdout.trim());
  node.use({ retryLimit: '50ms', identityFiles: [path], receiver: '/nonexistent/twowarm' });
  const login = `DETAIL:  This node logs in as ${sshd.user} on 127.0.0.1 with the key ${path} (${await fingerprint(`${path}.pub`)}).\n`;
  return { ...node, login, line: stdout.trim() };
}
