// Where a triggerStandby at work leaves its mark: it takes its turn by it, and a restore_command that it stops is not
// alone with a trigger file. Nothing else is here.
import { join } from 'node:path';

/** The file that exists while a triggerStandby is at work; one that was killed leaves it behind. */
export const triggerLockOf = (stateDirectory: string): string => join(stateDirectory, 'trigger.lock');
