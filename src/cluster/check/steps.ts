// Every step of twowarm check, in the order in which they are printed.
import { archiverSteps } from './archiver.ts';
import { archivingSettingsSteps } from './archiving-settings.ts';
import { baseBackupRoad } from './base-backup-road.ts';
import { commandSteps } from './commands-of-server.ts';
import { configurationSteps } from './configuration.ts';
import { nativeCrypto } from './crypto-rate.ts';
import { noteSteps } from './debts.ts';
import { conditionSteps } from './destination-condition.ts';
import { destinationSteps } from './destination-roads.ts';
import { endSteps } from './end-segment.ts';
import { followSteps } from './follow-segment.ts';
import { homeSteps } from './home.ts';
import { restoreSteps } from './restore-segment.ts';
import { returnWay } from './return-way.ts';
import { serverSteps } from './server.ts';
import { sourceSteps } from './sources.ts';
import type { Step } from './step.ts';
import { waitingSteps } from './waiting.ts';

export const steps: readonly Step[] = [
  ...configurationSteps,
  ...homeSteps,
  ...serverSteps,
  ...archivingSettingsSteps,
  ...commandSteps,
  ...waitingSteps,
  ...archiverSteps,
  ...noteSteps,
  ...destinationSteps,
  ...conditionSteps,
  returnWay,
  baseBackupRoad,
  ...sourceSteps,
  nativeCrypto,
  ...endSteps,
  ...followSteps,
  ...restoreSteps,
];
