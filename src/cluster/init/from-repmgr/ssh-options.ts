// ssh_options of repmgr.conf: the words for ssh(1) that have a key in [ssh]; the others are named. Pure.
import { readCommandLine } from '../../../postgres/command-line.ts';
import type { Answers } from '../answers.ts';

export interface ReadSshOptions {
  answers: Pick<Answers, 'identityFiles' | 'sshConfigFile' | 'connectLimit'>;
  /** For URLs of destinations. */
  port: string | undefined;
  /** Options without a key of ours. */
  left: readonly string[];
}

/** Options of ssh(1) whose value is a word of its own, as far as anybody gives them here. */
const withValue = /^-[bcDEeFIiJLlmOopQRSWw]$/;

/** '-o', 'Port=22' and '-p', '22' as names and values; what stands alone has no value. */
function pairsOf(words: readonly string[]): { option: string; value: string | undefined; text: string }[] {
  const pairs: { option: string; value: string | undefined; text: string }[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    const [, letter, glued] = /^(-[a-zA-Z])(.+)$/.exec(word) ?? [];
    const isGlued = letter !== undefined && withValue.test(letter);
    const option = isGlued ? letter : word;
    const value = isGlued ? glued : withValue.test(word) ? words[++at] : undefined;
    const text = isGlued || value === undefined ? word : `${word} ${value}`;
    const [, name, said] = /^\s*([A-Za-z]+)\s*[= ]\s*(.*)$/.exec(value ?? '') ?? [];
    pairs.push(
      option === '-o' && name !== undefined
        ? { option: name.toLowerCase(), value: said, text }
        : { option, value, text },
    );
  }
  return pairs;
}

export function readSshOptions(text: string): ReadSshOptions {
  const words = (readCommandLine(text) ?? []).flatMap((piece) => ('word' in piece ? [piece.word] : []));
  const identities: string[] = [];
  const answers: ReadSshOptions['answers'] = {};
  const left: string[] = [];
  let port: string | undefined;
  for (const { option, value, text: written } of pairsOf(words)) {
    const isPath = value?.startsWith('/') === true;
    if ((option === '-i' || option === 'identityfile') && isPath) identities.push(value);
    else if (option === '-F' && isPath) answers.sshConfigFile = value!;
    else if (option === 'connecttimeout' && /^[1-9]\d*$/.test(value ?? ''))
      answers.connectLimit = `${value}s`;
    else if ((option === '-p' || option === 'port') && /^\d+$/.test(value ?? '')) port = value;
    // Nothing is said of what goes well anyway.
    else if (option !== '-q') left.push(written);
  }
  return { answers: { ...answers, ...(identities.length > 0 && { identityFiles: identities }) }, port, left };
}
