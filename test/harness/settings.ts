// PostgreSQL's settings as text: what is appended to postgresql.conf and written to recovery.conf.
import { appendFileSync } from 'node:fs';

export type Settings = Readonly<Record<string, string | number | boolean>>;

/** Lines `name = 'value'`, quoted as PostgreSQL reads them (guc-file.l: quotes and backslashes doubled). */
export function settingsText(settings: Settings): string {
  return Object.entries(settings)
    .map(([name, value]) => `${name} = ${quoteSetting(value)}\n`)
    .join('');
}

/** Appends settings to a configuration file, where the last one of a name counts. */
export function appendSettings(file: string, settings: Settings): void {
  appendFileSync(file, settingsText(settings));
}

function quoteSetting(value: string | number | boolean): string {
  const text = typeof value === 'boolean' ? (value ? 'on' : 'off') : String(value);
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
}
