// Single values of ssh_config as types: a port, yes or no, a time. Pure; each throws `fault` for what it cannot read.
import { readJump, type Hop } from './jump.ts';
import type { Expansion, Fault } from './tokens.ts';

export function plainUser(word: string, fault: Fault): string {
  // Newer versions of ssh expand tokens there, older ones do not.
  if (/[%$]/.test(word)) throw fault('tokens are not supported in it');
  return word;
}

export function readPort(word: string, fault: Fault): number {
  if (!/^[1-9]\d{0,4}$/.test(word) || Number(word) > 65_535) throw fault(`"${word}" is no port`);
  return Number(word);
}

export function readNumber(word: string, fault: Fault): number {
  if (!/^\d{1,9}$/.test(word)) throw fault(`"${word}" is no number`);
  return Number(word);
}

export function yesOrNo(word: string, fault: Fault): boolean {
  if (/^(yes|true)$/i.test(word)) return true;
  if (/^(no|false)$/i.test(word)) return false;
  throw fault(`"${word}" is neither yes nor no`);
}

export function readFamily(word: string, fault: Fault): 4 | 6 | undefined {
  const families: Record<string, 4 | 6 | undefined> = { any: undefined, inet: 4, inet6: 6 };
  const family = word.toLowerCase();
  if (!Object.hasOwn(families, family)) throw fault(`"${word}" is none of any, inet and inet6`);
  return families[family];
}

const unitSeconds: Record<string, number> = { '': 1, s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

/** '90' or '1m30s' in ms (sshd_config(5), TIME FORMATS); undefined for 'none' and for no time at all. */
export function readSeconds(word: string, fault: Fault): number | undefined {
  if (word === 'none') return undefined;
  if (!/^(\d{1,6}[smhdw]?)+$/i.test(word)) throw fault(`"${word}" is no time`);
  const parts = [...word.toLowerCase().matchAll(/(\d+)([smhdw]?)/g)];
  const seconds = parts.reduce((sum, [, count, unit]) => sum + Number(count) * unitSeconds[unit!]!, 0);
  return seconds === 0 ? undefined : seconds * 1000;
}

export function readHops(word: string, fault: Fault): Hop[] {
  const hops = readJump(word);
  if (hops === undefined) throw fault(`"${word}" is no list of hosts`);
  return hops;
}

export function agentSocket(
  word: string,
  environment: Expansion['environment'],
  path: (word: string) => string,
): string | undefined {
  if (word.toLowerCase() === 'none') return undefined;
  if (word === 'SSH_AUTH_SOCK') return environment['SSH_AUTH_SOCK'] || undefined;
  if (/^\$\w+$/.test(word)) return environment[word.slice(1)] || undefined;
  return path(word);
}
