// pg_standby as a command: the drop-in for scripts that were written for PostgreSQL's own, or for 2warm's.
import { resolve } from 'node:path';
import type { Command, ProgramCall } from '../../program/command.ts';
import { stopRecovery } from '../answer.ts';
import { exitCodes, exitCodeUnder } from './exit-codes.ts';
import { FailoverOrders } from './failover.ts';
import { readWords } from './getopt.ts';
import { standbyArguments, standbyNotes, standbyOptions } from './options.ts';
import { readOrder } from './order.ts';
import { restoreForStandby } from './restore-for-standby.ts';
import { takeSignals } from './signals.ts';
import { Speaker } from './speaker.ts';
import { clusterOf, surroundingsOf } from './surroundings.ts';

async function run(call: ProgramCall): Promise<number> {
  const inWorkingDirectory = (path: string): string => resolve(call.workingDirectory, path);
  const order = readOrder(call);
  const speaker = new Speaker(call.voice, order.verbosity);
  const surroundings = surroundingsOf(call.workingDirectory, order.target);
  const triggerFile = order.triggerFile === undefined ? undefined : inWorkingDirectory(order.triggerFile);
  const { dataDirectory, mode } = surroundings;
  const orders = new FailoverOrders({ triggerFile, dataDirectory, isStandby: mode === 'standby' }, speaker);
  takeSignals(orders);
  if (order.unusableRestart !== undefined) {
    const message = `RESTARTWALFILE "${order.unusableRestart}" is not the name of a segment: nothing is removed`;
    speaker.say('WARNING', { message });
  }
  const request = {
    archive: inWorkingDirectory(order.archive),
    name: order.name,
    target: inWorkingDirectory(order.target),
    cluster: clusterOf(surroundings),
  };
  speaker.debug(`asked for ${order.name.name}, mode ${surroundings.mode ?? 'unknown'}`);
  try {
    return await restoreForStandby({ order, request, surroundings, orders, speaker, stop: call.stop });
  } finally {
    await speaker.done();
  }
}

export const command: Command = {
  name: 'pg_standby',
  summary:
    'Waits for a WAL file to arrive in a directory and restores it; a drop-in for the pg_standby of PostgreSQL and of 2warm.',
  positionals: standbyArguments,
  options: standbyOptions,
  exitStatus: [
    { code: exitCodes.restored, meaning: 'restored' },
    {
      code: exitCodes.notRestored,
      meaning: 'not restored: failover, -w, no such history file, a copy that failed',
    },
    {
      code: exitCodes.fault,
      meaning: 'the command line is wrong, the archive is missing, or pg_standby itself failed',
    },
    { code: exitCodes.tooLarge, meaning: 'the file is larger than a segment' },
    {
      code: stopRecovery,
      meaning:
        'under recovery.signal instead of 2, 3 and a failed copy: recovery stops instead of ending early',
    },
  ],
  hasOwnExitStatus: true,
  notes: standbyNotes,
  postgresqlConf: { setting: 'restore_command', arguments: '-t /path/to/trigger /path/to/archive %f %p' },
  readWords,
  stopSignals: ['SIGTERM'],
  run,
  exitCodeOfFault: (call) =>
    exitCodeUnder(surroundingsOf(call.workingDirectory, call.positionals[2]).mode, exitCodes.fault),
};
