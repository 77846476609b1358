// What differs on this node from the primary's configuration, which a base backup brought: found by comparing with what was
// saved here before the copy, as settings for a file of the node's own. Pure.
import { parseConfiguration } from '../../postgres/parse-configuration.ts';
import { settingLine } from './edit-settings.ts';
import { isOfRecovery } from './recovery-settings.ts';

export interface ConfigurationTexts {
  postgresqlConf: string | undefined;
  autoConf: string | undefined;
}

export interface Differences {
  /** In the order of the saved files. */
  settings: readonly (readonly [name: string, value: string])[];
  /** Left out: with less than the primary has a hot standby does not start, or stops replaying. */
  tooLow: readonly { name: string; value: string; primary: number }[];
}

/** What the files themselves say, the last one of a name; what they include came with the copy. */
function valuesOf({ postgresqlConf, autoConf }: ConfigurationTexts): Map<string, string> {
  const values = new Map<string, string>();
  for (const text of [postgresqlConf ?? '', autoConf ?? '']) {
    for (const { name, value } of parseConfiguration(text).assignments) {
      if (/^include/.test(name) || isOfRecovery(name)) continue;
      values.delete(name);
      values.set(name, value);
    }
  }
  return values;
}

/** The settings of `saved` that `copied` does not have, or has otherwise. */
export function differences(
  saved: ConfigurationTexts,
  copied: ConfigurationTexts,
  limits: ReadonlyMap<string, number>,
): Differences {
  const there = valuesOf(copied);
  const different = [...valuesOf(saved)].filter(([name, value]) => there.get(name) !== value);
  const isTooLow = ([name, value]: readonly [string, string]): boolean =>
    Number(value) < (limits.get(name) ?? 0);
  return {
    settings: different.filter((each) => !isTooLow(each)),
    tooLow: different.filter(isTooLow).map(([name, value]) => ({ name, value, primary: limits.get(name)! })),
  };
}

/** The node's own file; undefined where nothing differs. */
export function ownFile({ settings }: Differences, from: string): string | undefined {
  if (settings.length === 0) return undefined;
  const head = [
    '# What differs on this node from the configuration of the primary, which a base backup brings.',
    '# postgresql.conf includes this file at its end. configStandby made it, and does not change it any more; found in',
    `# ${from}`,
  ];
  const bytes = Buffer.from(`${head.join('\n')}\n`).toString('latin1');
  return `${bytes}${settings.map(([name, value]) => settingLine(name, value)).join('')}`;
}
