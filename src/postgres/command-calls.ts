// Which of our programs a command of PostgreSQL's calls, and what else it does: whether our exit code is the one that
// PostgreSQL gets. Pure; whether the program is there and runs is ask-version.ts.
import { basename } from 'node:path';
import { readCommandLine, type Piece } from './command-line.ts';

/** A command of a setting, as far as it calls a program of ours. */
export interface Call {
  /** As it is written there: perhaps relative, perhaps a bare name. */
  program: string;
  /** 'archiveWALFile', also where it is called as `twowarm archiveWALFile`. */
  name: string;
  /** What follows it, options and placeholders; redirections left out. */
  words: string[];
  /** Assigned for this call: NAME=value before it. */
  environment: Record<string, string>;
  /** What starts it, if something does: 'timeout'. */
  startedBy: string | undefined;
  /** '|| true': what takes the place of its exit code. */
  hiddenBy: string | undefined;
  /** '2> /dev/null': where its messages go instead of the server's log. */
  redirected: string | undefined;
  /** A word that the shell makes something else of. */
  expanded: string | undefined;
}

/** `keepsNothing`: a command that only says yes. */
export type Reading =
  | { kind: 'empty' }
  | { kind: 'unreadable' }
  | { kind: 'keeps-nothing' }
  | { kind: 'another' }
  | { kind: 'call'; call: Call };

type Word = Extract<Piece, { word: string }>;
/** A simple command, and the operators before and after it. */
interface Simple {
  words: Word[];
  redirections: string[];
  before: string | undefined;
  after: string | undefined;
}

const isRedirection = (operator: string): boolean => /[<>]/.test(operator);

function split(pieces: readonly Piece[]): Simple[] {
  const commands: Simple[] = [];
  let current: Simple = { words: [], redirections: [], before: undefined, after: undefined };
  let target: string | undefined;
  for (const piece of pieces) {
    if ('word' in piece) {
      if (target === undefined) current.words.push(piece);
      else current.redirections.push(`${target} ${piece.word}`);
      target = undefined;
    } else if (isRedirection(piece.operator)) target = piece.operator;
    else {
      current.after = piece.operator;
      const closed = current.before === ')' && current.words.length === 0 ? commands.at(-1) : undefined;
      // Behind (...) it is what follows the parenthesis that counts.
      if (closed !== undefined) closed.after = piece.operator;
      if (current.words.length > 0) commands.push(current);
      current = { words: [], redirections: [], before: piece.operator, after: undefined };
    }
  }
  if (current.words.length > 0) commands.push(current);
  return commands;
}

const assignment = /^([A-Za-z_][A-Za-z0-9_]*)=(.*)$/s;

/** Where in the words one of the programs is called, by itself or as a command of twowarm. */
function placeOf(
  words: readonly Word[],
  names: readonly string[],
): { at: number; name: string; rest: number } | undefined {
  for (const [at, { word }] of words.entries()) {
    if (names.includes(basename(word))) return { at, name: basename(word), rest: at + 1 };
    const next = words[at + 1]?.word;
    if (basename(word) === 'twowarm' && next !== undefined && names.includes(next))
      return { at, name: next, rest: at + 2 };
  }
  return undefined;
}

/** PostgreSQL's %% is a percent sign. */
const unescaped = (word: string): string => word.replaceAll('%%', '%');

const textOf = ({ words }: Simple): string => words.map(({ word }) => word).join(' ');

/** What ends the shell with 0 before it comes to the call, or in its place. */
function bypassOf(commands: readonly Simple[], index: number): string | undefined {
  const earlier = commands.slice(0, index);
  const exit = earlier.find(
    ({ words: [first, code] }) => first?.word === 'exit' && (code?.word ?? '0') === '0',
  );
  if (exit !== undefined) return textOf(exit);
  return commands[index]!.before === '||' ? `${textOf(earlier.at(-1)!)} ||` : undefined;
}

/** What decides about the exit code instead of the call. */
function hiderOf(commands: readonly Simple[], index: number): string | undefined {
  if (commands[index]!.words[0]?.word === '!') return '!';
  const bypass = bypassOf(commands, index);
  if (bypass !== undefined) return bypass;
  // What comes after a success alone passes a failure on, to whatever stands behind it.
  const at = commands.findIndex(({ after }, each) => each >= index && after !== '&&');
  const [last, next] = [commands[at], commands[at + 1]];
  if (last?.after === '&') return '&';
  if (last?.after === undefined || next === undefined) return undefined;
  return `${last.after === '\n' ? ';' : last.after} ${textOf(next)}`;
}

/** They take what follows for plain words, and call nobody. */
const callNobody = ['true', ':', 'echo', 'printf', 'exit'];

function callIn(commands: readonly Simple[], index: number, names: readonly string[]): Call | undefined {
  const { words, redirections } = commands[index]!;
  const place = placeOf(words, names);
  if (place === undefined) return undefined;
  const before = words.slice(0, place.at).map(({ word }) => word);
  const assigned = before.flatMap((word) => {
    const [, name, value] = assignment.exec(word) ?? [];
    return name === undefined ? [] : [[name, value!] as const];
  });
  const starters = before.filter(
    (word) => !assignment.test(word) && !['exec', '!', 'env', 'command'].includes(word),
  );
  const own = words.slice(place.at);
  return {
    program: unescaped(words[place.at]!.word),
    name: place.name,
    words: words.slice(place.rest).map(({ word }) => unescaped(word)),
    environment: Object.fromEntries(assigned),
    startedBy: starters[0],
    hiddenBy: starters.find((word) => callNobody.includes(basename(word))) ?? hiderOf(commands, index),
    redirected: redirections.find((each) => /^(2>|1?>|>>|2>>)/.test(each)),
    expanded: own.find(({ isPlain }) => !isPlain)?.word,
  };
}

/** What the command does, judged by whether it calls one of `names`. */
export function readCall(text: string, names: readonly string[]): Reading {
  if (text.trim() === '') return { kind: 'empty' };
  const pieces = readCommandLine(text);
  if (pieces === undefined) return { kind: 'unreadable' };
  const commands = split(pieces);
  for (const index of commands.keys()) {
    const call = callIn(commands, index, names);
    if (call !== undefined) return { kind: 'call', call };
  }
  const [first] = commands.at(-1)?.words ?? [];
  return { kind: ['true', ':', 'exit'].includes(basename(first?.word ?? ':')) ? 'keeps-nothing' : 'another' };
}
