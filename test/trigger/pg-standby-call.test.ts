// Which trigger file the pg_standby of a restore_command waits for.
import { expect, it } from 'vitest';
import { readPgStandby } from '../../src/trigger/pg-standby-call.ts';

it.each([
  ['pg_standby -t /tmp/t /archive %f %p %r', '/tmp/t'],
  ['/usr/lib/postgresql/13/bin/pg_standby -d -s 2 -t/tmp/t /archive %f %p %r 2>>log', '/tmp/t'],
  [`'/opt/our programs/pg_standby' -dt "/tmp/a b" /archive %f %p`, '/tmp/a b'],
  [String.raw`pg_standby -k 3 -t /tmp/a\ b /archive %f %p`, '/tmp/a b'],
  ['pg_standby -t trigger /archive %f %p', '/data/trigger'],
  ['pg_standby -w 5 -t /tmp/100%% /archive %f %p', '/tmp/100%'],
])('%s', (command, triggerFile) => {
  expect(readPgStandby(command, '/data')).toEqual({ triggerFile });
});

it.each(['pg_standby /archive %f %p', 'pg_standby -s 5 -l /archive %f %p'])('none in: %s', (command) => {
  expect(readPgStandby(command, '/data')).toEqual({ triggerFile: undefined });
});

it.each(['cp /archive/%f %p', '/opt/bin/restoreWALFile %f %p %r', ''])('no pg_standby: %s', (command) => {
  expect(readPgStandby(command, '/data')).toBeUndefined();
});
