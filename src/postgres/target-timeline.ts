// recovery_target_timeline, as the server has it. Which line that means is for who asks.
import { currentServerSettings } from './current-settings.ts';
import { majorVersion } from './version.ts';

/** recovery_target_timeline: a number, or one of PostgreSQL's two words. */
export function targetTimeline(dataDirectory: string): number | 'latest' | 'current' {
  const value = currentServerSettings(dataDirectory).get('recovery_target_timeline')?.trim().toLowerCase();
  if (value === 'latest' || value === 'current') return value;
  const number = Number(value);
  if (value !== undefined && value !== '' && Number.isInteger(number) && number > 0) return number;
  // The default changed (12's release notes). A version that cannot be read counts as new: nothing past a fork is served.
  return (majorVersion(dataDirectory) ?? 12) < 12 ? 'current' : 'latest';
}
