// The word that a file is absent because it was given up on purpose, or that the source's record of that cannot be read. A
// standby asks again every second: it hears of it once, until something else is to be said.
import type { GapRecord } from '../program/gap-record.ts';
import type { Report } from '../program/print-error.ts';
import { sayOnce } from '../program/say-once.ts';
import type { Asking } from './ask-sources.ts';

/** Says it of what one source answered; a fault names the source. */
export async function sayGap(
  { name, mode, node, voice }: Asking,
  url: string,
  gap: GapRecord | Report,
): Promise<void> {
  const report = 'message' in gap ? unreadable(gap, name.name, url) : given(gap, url);
  const say = (): Promise<void> => voice.report('WARNING', report);
  // Whatever else restores is shown it each time.
  if (mode !== 'standby') return say();
  const source = node.settings.restore.sources.indexOf(url);
  const topic = `gap-${name.name.slice(0, 8)}-${source}`;
  await sayOnce(node.identity.stateDirectory, topic, `${name.name} ${report.message}`, say);
}

const given = ({ name, node, at }: GapRecord, url: string): Report => ({
  message: `${name} was discarded by ${node} at ${at}: recovery from ${url} ends here`,
  hint: 'What was committed from here on needs another source, or a new base backup.',
});

/** A damaged file is named by its path already, and so by its source. */
function unreadable(fault: Report, name: string, url: string): Report {
  if (fault.message.includes(url.replace(/^file:/, ''))) return fault;
  return { ...fault, message: `could not read the gap record of ${name} at ${url}: ${fault.message}` };
}
