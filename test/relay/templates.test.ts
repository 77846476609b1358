// The unit and the cron line: what they call exists, and is called as it is there.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { commandLine } from '../harness/node-fixture.ts';
import { installation } from '../harness/installation.ts';
import { segmentNamed } from '../harness/wal-files.ts';
import { arrive, makeRelayNode, namesIn, silence, startRelay, untilThere } from './fixture.ts';

const template = (name: string): string => readFileSync(join(installation(), 'conf-templates', name), 'utf8');

/** The words of a template's call, with our paths in the place of its own. */
function callIn(text: string, pattern: RegExp, dataDirectory: string): string {
  const [binary, ...words] = pattern.exec(text)![1]!.split(' ');
  return commandLine(
    binary!.replace('/usr/local/bin/', ''),
    ...words.map((word) => (word.startsWith('/') ? dataDirectory : word)),
  );
}

describe('the templates', () => {
  it('have a unit whose call stays, relays, and ends cleanly by the signal that it names', async () => {
    await using node = await makeRelayNode('unit');
    const unit = template('twowarm-relay.service');
    const relay = startRelay(node, callIn(unit, /^ExecStart=(.*)$/m, node.dataDirectory));
    await untilThere(node, [arrive(node, segmentNamed(1))]);
    relay.kill(/^KillSignal=(.*)$/m.exec(unit)![1] as NodeJS.Signals);
    expect(await relay.ended()).toMatchObject({ code: 0, signal: null });
    // Each setting once, in a section, in the form that systemd reads.
    const settings = unit.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    expect(settings.filter((line) => !/^(\[(Unit|Service|Install)\]|[A-Z][A-Za-z]+=.*)$/.test(line))).toEqual(
      [],
    );
    expect(new Set(settings).size).toBe(settings.length);
    // What the call needs while it works must not be taken from it: V8 writes code.
    expect(settings.some((line) => line.startsWith('MemoryDenyWriteExecute'))).toBe(false);
  });

  it('have a cron line whose call carries, and says nothing', async () => {
    await using node = await makeRelayNode('cron');
    arrive(node, segmentNamed(1));
    const line = callIn(template('rsyncDR.cron'), /^\*\/5 \* \* \* \* postgres (.*)$/m, node.dataDirectory);
    const { code, stdout, stderr } = await node.sh(line, { cwd: '/' });
    expect({ code, stdout, stderr }).toEqual(silence);
    expect(namesIn(node, 'dr')).toEqual([segmentNamed(1)]);
    // A percent sign would be a line feed to cron.
    expect(line).not.toContain('%');
  });
});
