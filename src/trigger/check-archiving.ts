// Whether archiving will go on after the promotion, as far as the configuration says. Nothing of this prevents it:
// a primary without an archive is better than none.
import type { ThisNode } from '../postgres/this-node.ts';
import { readArchivingState } from '../program/archiving-state.ts';
import { ProgramError } from '../program/program-error.ts';
import type { Server } from './server.ts';
import type { Telling } from './telling.ts';

/** Who archives once the server is open: we, somebody else, or nobody. */
export async function whoArchives(server: Server): Promise<'we' | 'another' | 'nobody'> {
  const mode = await server.setting('archive_mode');
  if (mode !== 'on' && mode !== 'always') return isTrue(mode) ? whoseCommand(server) : 'nobody';
  return whoseCommand(server);
}

/** As a file may have it; the server itself says on. */
const isTrue = (value = ''): boolean => /^(on|always|t(r(ue?)?)?|y(es?)?|1)$/i.test(value);

async function whoseCommand(server: Server): Promise<'we' | 'another'> {
  if (await server.setting('archive_library')) return 'another';
  return (await server.setting('archive_command'))?.includes('archiveWALFile') === true ? 'we' : 'another';
}

function stateOf(home: string): string {
  try {
    return readArchivingState(home);
  } catch (error) {
    if (error instanceof ProgramError) return 'hold';
    throw error;
  }
}

/** Warns of what will keep WAL from the archives, while it can still be changed. */
export async function checkArchiving(
  { settings }: ThisNode,
  server: Server,
  telling: Telling,
): Promise<void> {
  const who = await whoArchives(server);
  if (who === 'nobody') {
    return telling.warn({
      message: 'archive_mode is off: the promoted server will archive nothing',
      hint: 'It needs a restart of the server: set archive_mode = on, and archive_command to archiveWALFile.',
    });
  }
  if (who === 'another') {
    return telling.warn({
      message:
        'archive_command does not call archiveWALFile: what the promoted server archives is not known here',
      hint: 'archiveWALFile --help shows the line for postgresql.conf.',
    });
  }
  const state = stateOf(settings.home);
  if (state === 'on') return;
  const message = `the archiving state is "${state}": the promoted server will archive nothing`;
  await telling.warn({ message, hint: 'To archive: twowarm archiving on' });
}
