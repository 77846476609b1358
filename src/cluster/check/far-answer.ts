// What twowarm check --json of another node has printed. It comes from another machine, perhaps of another version: nothing of it
// is believed before it was read through here.
import type { Level } from './step.ts';

interface FarFinding {
  level: Level;
  message: string;
  detail: string | undefined;
  hint: string | undefined;
}

export interface FarAnswer {
  node: string;
  steps: { id: string; subject: string | null; level: Level; findings: FarFinding[] }[];
}

const levels: readonly Level[] = ['ok', 'skipped', 'unknown', 'warning', 'critical'];

/** As much as a message of ours has. */
const longestText = 2000;

const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' ? value.slice(0, longestText) : undefined;

const levelOf = (value: unknown): Level => levels.find((each) => each === value) ?? 'unknown';

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;

const listOf = (value: unknown): Record<string, unknown>[] =>
  Array.isArray(value) ? value.filter(isObject) : [];

/** Undefined for what is no answer of that command. */
export function readFarAnswer(text: string): FarAnswer | undefined {
  let value: Record<string, unknown>;
  try {
    // A login shell may print before it.
    value = JSON.parse(text.slice(Math.max(0, text.indexOf('{')))) as typeof value;
  } catch {
    return undefined;
  }
  if (!Array.isArray(value['steps'])) return undefined;
  return {
    node: textOf(value['node']) ?? 'the far node',
    steps: listOf(value['steps']).map((step) => ({
      id: textOf(step['id']) ?? '',
      subject: textOf(step['subject']) ?? null,
      level: levelOf(step['level']),
      findings: listOf(step['findings']).map((finding) => ({
        level: levelOf(finding['level']),
        message: textOf(finding['message']) ?? '',
        detail: textOf(finding['detail']),
        hint: textOf(finding['hint']),
      })),
    })),
  };
}
