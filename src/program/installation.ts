// Where this twowarm is installed: this file, and whatever it is bundled into, lies two directories below the root.
import { join } from 'node:path';
import { shellWord } from './shell-word.ts';

const root = join(import.meta.dirname, '..', '..');

/** The absolute path of one of our programs: 'archiveWALFile'. */
export const installedProgram = (name: string): string => join(root, 'bin', name);

/** "archive_command = '/usr/…/bin/archiveWALFile %p %f'": a line for postgresql.conf. */
export const settingLine = (setting: string, name: string, placeholders: string): string =>
  `${setting} = '${shellWord(installedProgram(name)).replaceAll('%', '%%').replaceAll("'", "''")} ${placeholders}'`;
