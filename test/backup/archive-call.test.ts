// Which archive_commands a copy refuses before it waits: only those whose program the server would not find, for certain.
import { describe, expect, it } from 'vitest';
import { isCertain, onlyProgramOf } from '../../src/backup/archive-call.ts';
import { readCall } from '../../src/postgres/command-calls.ts';

describe('the only program of a command', () => {
  it.each([
    ['cp %p /srv/%f', 'cp'],
    ['/opt/100%%/ship %p', '/opt/100%/ship'],
    ['PATH=/opt/bin ship %p', undefined],
    ['cd /opt && bin/ship %p', undefined],
    ['ship %p 2>> /var/log/ship', undefined],
    ['"$HOME"/bin/ship %p', undefined],
    ['', undefined],
  ])('of %s is %s', (text, program) => {
    expect(onlyProgramOf(text)).toBe(program);
  });
});

describe('a call of archiveWALFile', () => {
  it.each([
    ['/opt/twowarm/bin/archiveWALFile %p %f', true],
    ['test -d /srv && /opt/twowarm/bin/archiveWALFile %p %f 2>> /var/log/w', true],
    ['bin/archiveWALFile %p %f', true],
    ['archiveWALFile %p %f', true],
    ['cd /opt/twowarm && bin/archiveWALFile %p %f', false],
    ['PATH=/opt/node/bin /opt/twowarm/bin/archiveWALFile %p %f', false],
    ['$TWOWARM/bin/archiveWALFile %p %f', false],
    ['/opt/twowarm/bin/archiveWALFile %p %f || /opt/other/ship %p', false],
  ])('can be judged for certain, or not: %s (%s)', (text, certain) => {
    const reading = readCall(text, ['archiveWALFile']);
    expect(reading.kind === 'call' && isCertain(text, reading.call)).toBe(certain);
  });
});
