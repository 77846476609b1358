// Every setting in force with the place it came from: what configSetup prints. Made beside the settings, never cached.
import type { z } from 'zod';
import type { Place } from '../home.ts';
import { keyWords } from './key-parts.ts';
import { sections } from './keys.ts';
import type { InForce, Settings } from './settings.ts';

type Raw = Record<string, unknown>;
type Value = InForce['value'];

/** Values that a node has even where the file does not give them. */
function derivedValues(settings: Settings): Record<string, Value> {
  const holds = settings.destinations.flatMap(({ name, standIn }): [string, Value][] =>
    standIn === undefined ? [] : [[`destination.${name}.hold`, standIn.hold]],
  );
  return {
    ...Object.fromEntries(holds),
    'node.name': settings.nodeName,
    'archive.directory': settings.archiveDirectory,
    'restore.sources': settings.restore.sources,
    'restore.trigger_file': settings.restore.triggerFile,
  };
}

function listTable(
  prefix: string,
  section: z.ZodObject,
  raw: Raw,
  derived: Record<string, Value>,
  file: string,
  lineOf: LineOf,
): InForce[] {
  return Object.keys(section.shape).flatMap((name): InForce[] => {
    const key = `${prefix}.${name}`;
    if (raw[name] !== undefined) {
      const line = lineOf(key);
      return [{ key, value: raw[name] as Value, origin: line === undefined ? file : `${file}:${line}` }];
    }
    const declared = keyWords.get(section.shape[name] as z.ZodType)?.default;
    const literal = declared !== undefined && /^('.*'|true|false|\d+)$/.test(declared) ? declared : undefined;
    const value = derived[key] ?? parseLiteral(literal);
    return value === undefined ? [] : [{ key, value, origin: 'default' }];
  });
}

const parseLiteral = (literal: string | undefined): Value | undefined =>
  literal === 'true' || literal === 'false' ? literal === 'true' : literal?.replace(/^'|'$/g, '');

type LineOf = (path: string) => number | undefined;

/** All keys in the order of the declaration, defaults included. */
export function listInForce(place: Place, settings: Settings, parsed: Raw, lineOf: LineOf): InForce[] {
  const derived = derivedValues(settings);
  const file = settings.configurationFile;
  const all: InForce[] = [{ key: 'home', value: settings.home, origin: place.homeOrigin }];
  for (const [name, section] of Object.entries(sections)) {
    const raw = (parsed[name] ?? {}) as Raw;
    const tables: [string, Raw][] =
      name === 'destination'
        ? Object.entries(raw).map(([table, values]) => [`${name}.${table}`, values as Raw])
        : [[name, raw]];
    for (const [prefix, values] of tables) {
      all.push(...listTable(prefix, section as z.ZodObject, values, derived, file, lineOf));
    }
  }
  return all;
}
