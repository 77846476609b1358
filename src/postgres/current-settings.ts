// The server's settings for a process that stays: its files are read again only when one of them has changed.
import { statSync } from 'node:fs';
import { errnoOf } from '../program/program-error.ts';
import { readServerSettings, type ServerSettings } from './server-settings.ts';

interface Kept {
  dataDirectory: string;
  settings: ServerSettings;
  identity: string;
}

let kept: Kept | undefined;

function identityOf(file: string): string {
  try {
    const stats = statSync(file, { bigint: true });
    return [stats.dev, stats.ino, stats.size, stats.mtimeNs, stats.ctimeNs].join(' ');
  } catch (error) {
    return errnoOf(error) ?? 'unknown';
  }
}

const identityOfAll = (files: readonly string[]): string => files.map(identityOf).join('\n');

/** As readServerSettings, at the price of a few stat calls while nothing changes. */
export function currentServerSettings(dataDirectory: string): ServerSettings {
  if (kept?.dataDirectory === dataDirectory && identityOfAll(kept.settings.files) === kept.identity)
    return kept.settings;
  const settings = readServerSettings(dataDirectory);
  kept = { dataDirectory, settings, identity: identityOfAll(settings.files) };
  return settings;
}
