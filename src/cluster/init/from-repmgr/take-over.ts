// A repmgr.conf as answers: what has a key of its own here, and a sentence for everything else. No password leaves it.
import { readFileSync } from 'node:fs';
import { parseConninfo, usedKeywords } from '../../../postgres/conninfo.ts';
import { fromSystemError, ProgramError } from '../../../program/program-error.ts';
import { problemOfValue, type SectionName } from '../../../program/settings/one-key.ts';
import type { Answers } from '../answers.ts';
import type { Note, OwnPlace, Predecessor, TakenOver } from '../take-over.ts';
import { sentenceFor } from './counterparts.ts';
import { readRepmgrConf, type RepmgrSetting } from './read-file.ts';
import { readSshOptions } from './ssh-options.ts';

interface Taken {
  answers: Answers;
  notes: Note[];
}

const quotedValue = (value: string): string =>
  /^[^\s'\\]+$/.test(value) ? value : `'${value.replace(/['\\]/g, '\\$&')}'`;

/** The same connection without its password. */
function conninfoOf(text: string): Taken {
  const what = 'conninfo';
  try {
    const said = parseConninfo(text);
    const kept = usedKeywords.flatMap((keyword) => {
      const value = said[keyword];
      return value === undefined || keyword === 'password' ? [] : [`${keyword}=${quotedValue(value)}`];
    });
    const secret =
      said.password === undefined
        ? ''
        : " Its password is not taken over: put it into ~/.pgpass of the server's user.";
    const sentence = `It is node.conninfo.${secret}`;
    return { answers: { conninfo: kept.join(' ') }, notes: [{ what, sentence }] };
  } catch (error) {
    if (!(error instanceof ProgramError)) throw error;
    return { answers: {}, notes: [{ what, sentence: 'It was not understood, and is not taken over.' }] };
  }
}

/** cp from a directory is a source of ours, after the own archive: that is where the primary ships to. */
function restoreOf(command: string, { archive }: OwnPlace): Taken {
  const what = 'restore_command';
  const directory = /^\s*cp\s+(?:-\S+\s+)*["']?(\/[^\s"'%]*)\/%f["']?\s+["']?%p["']?\s*$/.exec(command)?.[1];
  const ours = "configStandby writes twowarm's own restore_command.";
  if (directory === undefined)
    return { answers: {}, notes: [{ what, sentence: `${ours} This one is not taken over: ${command}` }] };
  const sources = [...new Set([archive, directory])].map((each) => `file:${each}`);
  const after = sources.length === 1 ? '' : `, after ${archive}, where WAL arrives from now on`;
  const sentence = `${ours} ${directory} is in restore.sources${after}.`;
  return { answers: { sources }, notes: [{ what, sentence }] };
}

function sshOf(text: string): Taken {
  const { answers, port, left } = readSshOptions(text);
  const ported = port === undefined ? [] : [`Port ${port} belongs into the URLs of destinations.`];
  const others =
    left.length === 0
      ? []
      : [`Without a counterpart, but ssh_config of the server's user may say it: ${left.join(' ')}.`];
  const words = [...ported, ...others];
  const sentence = words.length === 0 ? 'What it says is in [ssh].' : words.join(' ');
  return { answers, notes: [{ what: 'ssh_options', sentence }] };
}

/** The keys that are the same thing under another name. */
const same: Readonly<Record<string, { answer: keyof Answers; section: SectionName; key: string }>> = {
  node_name: { answer: 'name', section: 'node', key: 'name' },
  pg_bindir: { answer: 'pgBindir', section: 'node', key: 'pg_bindir' },
  service_start_command: { answer: 'startCommand', section: 'node', key: 'start_command' },
  service_stop_command: { answer: 'stopCommand', section: 'node', key: 'stop_command' },
  service_reload_command: { answer: 'reloadCommand', section: 'node', key: 'reload_command' },
};

function take({ key, value }: RepmgrSetting, place: OwnPlace): Taken {
  if (value === '') return { answers: {}, notes: [{ what: key, sentence: 'It is empty.' }] };
  if (key === 'conninfo') return conninfoOf(value);
  if (key === 'restore_command') return restoreOf(value, place);
  if (key === 'ssh_options') return sshOf(value);
  if (key === 'data_directory')
    return { answers: {}, notes: [{ what: key, sentence: 'It is node.data_directory.' }] };
  const counterpart = same[key];
  if (counterpart === undefined) return { answers: {}, notes: [{ what: key, sentence: sentenceFor(key) }] };
  const { answer, section, key: ours } = counterpart;
  const problem = problemOfValue(section, ours, value);
  if (problem !== undefined)
    return { answers: {}, notes: [{ what: key, sentence: `It is not taken over: it ${problem}.` }] };
  return { answers: { [answer]: value }, notes: [{ what: key, sentence: `It is ${section}.${ours}.` }] };
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw fromSystemError(error, `could not read ${file}`);
  }
}

const nodes: Note = {
  what: 'the other nodes',
  sentence: 'repmgr.conf does not name them: name each with --destination, the DR node with --dr.',
};

/** A repmgr.conf. Reads only. */
export function readRepmgr(file: string): Predecessor {
  const { settings, unread } = readRepmgrConf(readText(file));
  // The last one of a name counts.
  const inForce = settings.filter(
    ({ key }, index) => settings.findLastIndex((each) => each.key === key) === index,
  );
  const others = unread.map((line) => ({ what: `line ${line}`, sentence: 'It was not understood.' }));
  const takeOver = (place: OwnPlace): TakenOver => {
    const taken = inForce.map((each) => take(each, place));
    return {
      from: file,
      answers: Object.assign({}, ...taken.map(({ answers }) => answers)) as Answers,
      archiving: undefined,
      fragments: [],
      notes: [...taken.flatMap(({ notes }) => notes), ...others, nodes],
    };
  };
  const dataDirectory = inForce.find(({ key }) => key === 'data_directory')?.value;
  return { dataDirectory: dataDirectory?.startsWith('/') === true ? dataDirectory : undefined, takeOver };
}
