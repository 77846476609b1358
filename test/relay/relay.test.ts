// twowarm relay: stays, carries each arrival at once, outlives what its destinations and its own server do.
import { existsSync, readFileSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

import { commandLine } from '../harness/node-fixture.ts';
import { turnOf } from '../harness/share.ts';
import { withSlowCalls } from '../harness/slow-calls.ts';
import { waitFor } from '../harness/wait-for.ts';
import { historyText, megabyte, segmentBytes, segmentNamed } from '../harness/wal-files.ts';
import {
  arrive,
  destinationsToml,
  isSame,
  leftovers,
  makeRelayNode,
  namesIn,
  passed,
  setState,
  silence,
  startedRelay,
  startPostmaster,
  startRelay,
  untilThere,
} from './fixture.ts';

const [first, second, third] = [segmentNamed(1), segmentNamed(2), segmentNamed(3)];
const log = (...lines: string[]): string => `twowarm relay: LOG:  ${lines.join('\n')}\n`;
const ended = (stderr: string) => ({ code: 0, signal: null, stderr });

describe('twowarm relay', () => {
  it('carries what is there and each arrival at once, and ends cleanly when it is told to', async () => {
    await using node = await makeRelayNode('relay', { destinations: ['dr', 'far'] });
    arrive(node, first);
    const relay = await startedRelay(node);
    await untilThere(node, [first]);
    const history = arrive(node, '00000002.history', historyText('0/300000'));
    for (const name of [second, third, segmentNamed(3, 2)]) arrive(node, name);
    const all = [first, second, third, history, segmentNamed(3, 2)].sort();
    for (const directory of ['dr', 'far']) await untilThere(node, all, directory);
    for (const name of all) expect(isSame(node, name, 'far'), name).toBe(true);
    await waitFor(
      'the events',
      () => relay.events().filter(({ event }) => event === 'carried').length === 10,
    );
    expect(await relay.stop()).toEqual(
      ended(log(`relaying what arrives in ${node.path('twowarm/archive')} to dr, far`)),
    );
    expect(relay.events()[0]).toMatchObject({ event: 'relaying', level: 'LOG' });
    expect(relay.events().find(({ file }) => file === second)).toMatchObject({
      event: 'carried',
      message: expect.stringMatching(`^relayed ${second} to (dr|far)$`) as string,
      outcome: 'stored',
    });
    expect(leftovers(node)).toEqual([]);
    // What it carried is in the ledger.
    rmSync(node.path('dr'), { recursive: true });
    expect(await passed(node)).toEqual(silence);
  });

  it('needs no listing for an arrival', async () => {
    await using node = await makeRelayNode('relay-no-listing');
    const account = node.sandbox.file('account', '');
    const options = `-f -qq -y -e trace=getdents64,getdents -o ${account}`;
    const relay = startRelay(node, `exec strace ${options} ${commandLine('twowarm', 'relay', '--json')}`);
    await waitFor('the relay to begin', () => relay.said().includes('relaying'));
    arrive(node, first);
    await untilThere(node, [first]);
    const listings = (): number =>
      readFileSync(account, 'utf8')
        .split('\n')
        .filter((line) => line.includes(`<${node.path('twowarm/archive')}>`)).length;
    await waitFor('the first look', () => listings() > 0);
    const before = listings();
    for (let number = 2; number <= 30; number++) arrive(node, segmentNamed(number));
    await untilThere(node, [segmentNamed(30)]);
    expect(listings()).toBe(before);
    relay.kill('SIGKILL');
  });

  it('is alone in its home; rsyncDR leaves the work to it', async () => {
    await using node = await makeRelayNode('relay-alone');
    const relay = await startedRelay(node);
    const other = await node.sh(commandLine('twowarm', 'relay'));
    expect(other).toMatchObject({
      code: 53,
      stdout: '',
      stderr: `twowarm relay: ERROR:  another relay is at work: process ${relay.pid}\nHINT:  One is enough for all destinations. It takes a changed configuration into use by itself.\n`,
    });
    expect(await passed(node)).toEqual(silence);
    // Killed: the next one takes over what it left.
    relay.kill('SIGKILL');
    await relay.ended();
    const next = await startedRelay(node);
    arrive(node, first);
    await untilThere(node, [first]);
    expect((await next.stop()).code).toBe(0);
    expect(leftovers(node)).toEqual([]);
  });

  it('goes on where it was after a kill at any moment', async () => {
    await using node = await makeRelayNode('relay-killed');
    const names = Array.from({ length: 40 }, (_, index) => arrive(node, segmentNamed(index + 1)));
    for (const count of [0, 3, 11, 25]) {
      const relay = startRelay(node);
      const whole = (): number => namesIn(node, 'dr').filter((name) => !name.startsWith('.')).length;
      await waitFor('the relay to be so far', () => whole() >= count, { everyMs: 1 });
      relay.kill('SIGKILL');
      await relay.ended();
      for (const name of namesIn(node, 'dr').filter((each) => !each.startsWith('.')))
        expect(isSame(node, name), name).toBe(true);
    }
    const relay = await startedRelay(node);
    await untilThere(node, names);
    await relay.stop();
    for (const name of names) expect(isSame(node, name), name).toBe(true);
    expect(leftovers(node)).toEqual([]);
  });
});

/** Of the long outages that tests play a run has one of a thousand files. */
const count = turnOf([1000, 200, 200], 3, 1)[0]!;

describe('a destination of twowarm relay', () => {
  it(
    `that is down for ${count} segments has them in order when it is back, and holds up nobody`,
    { timeout: 240_000 },
    async () => {
      await using node = await makeRelayNode('relay-thousand', { destinations: ['dr', 'far'] });
      arrive(node, first);
      const relay = await startedRelay(node);
      await untilThere(node, [first]);
      // A file has its name before its put has ended.
      await waitFor('the put to end', () =>
        relay.events().some(({ file, destination }) => destination === 'dr' && file === first),
      );
      renameSync(node.path('dr'), node.path('away'));
      const names = Array.from({ length: count }, (_, index) => segmentNamed(index + 2));
      for (const name of names) {
        arrive(node, name);
        // As a server writes them: not all at once.
        if (names.indexOf(name) % 50 === 0) await untilThere(node, [name], 'far');
      }
      await untilThere(node, names, 'far', 120_000);
      expect(relay.said()).toMatch(
        new RegExp(
          `twowarm relay: WARNING: {2}.*${node.path('dr')}.*(does not exist|No such file or directory)\n` +
            `DETAIL: {2}It lacks (\\d+ files, )?${second}( first)?; it is tried again with growing pauses\\.\n`,
        ),
      );
      expect(relay.said().match(/WARNING/g)).toHaveLength(1);
      renameSync(node.path('away'), node.path('dr'));
      await untilThere(node, names, 'dr', 120_000);
      await waitFor('the events', () =>
        relay.events().some(({ file, destination }) => destination === 'dr' && file === names.at(-1)),
      );
      const order = relay
        .events()
        .filter(({ event, destination }) => event === 'carried' && destination === 'dr')
        .map(({ file }) => file!);
      expect(order.toSorted()).toEqual([first, ...names]);
      for (const [index, name] of order.entries())
        expect(Math.abs([first, ...names].indexOf(name) - index), name).toBeLessThan(8);
      const [, waiting] = /LOG: {2}dr takes files again: (\d+) more wait for it\n/.exec(relay.said())!;
      expect(Number(waiting)).toBeGreaterThanOrEqual(count - 100);
      expect(Number(waiting)).toBeLessThanOrEqual(count);
      expect((await relay.stop()).code).toBe(0);
      expect(leftovers(node)).toEqual([]);
    },
  );

  it('with other content under a name is told once, by name; the others go on', async () => {
    await using node = await makeRelayNode('relay-duplicate');
    arrive(node, second, { content: 0x55 }, 'dr');
    for (const name of [first, second, third]) arrive(node, name);
    const relay = await startedRelay(node);
    await untilThere(node, [first, third]);
    // An event about the same file: it is looked at again, and not told again.
    utimesSync(node.path(`twowarm/archive/${second}`), new Date(), new Date());
    arrive(node, segmentNamed(4));
    await untilThere(node, [segmentNamed(4)]);
    const { code, stderr } = await relay.stop();
    expect(code).toBe(0);
    expect(stderr).toBe(
      log(`relaying what arrives in ${node.path('twowarm/archive')} to dr`) +
        `twowarm relay: ERROR:  ${second} exists at file:${node.path('dr')} with different content\n` +
        `DETAIL:  The archive's copy has ${megabyte} bytes, this one ${megabyte}; they differ from byte 40 on. Neither was touched.\n` +
        "HINT:  Two servers archive to one place, or a restored copy of the cluster does, or the archive's copy is damaged, or was archived by hand while PostgreSQL still wrote it. Find out which copy is right.\n",
    );
  });

  it(
    'that hangs keeps nothing from the others, and no further thread each time',
    { timeout: 90_000 },
    async () => {
      await using node = await makeRelayNode('relay-hangs', {
        destinations: ['dr', 'far'],
        more: "time_limit = '500ms'\n",
      });
      // An archive that is known is opened by calls that may hang without harm.
      arrive(node, first);
      expect(await passed(node)).toEqual(silence);
      const line = withSlowCalls(commandLine('twowarm', 'relay', '--json'), {
        calls: ['openat', 'open', 'newfstatat', 'stat', 'lstat', 'statx'],
        delayMs: 8000,
        path: node.path('dr'),
      });
      const relay = startRelay(node, line);
      await waitFor('the relay to give up', () => relay.said().includes('no answer within 500ms'));
      const names = Array.from({ length: 20 }, (_, index) => arrive(node, segmentNamed(index + 2)));
      const startedAt = performance.now();
      await untilThere(node, names, 'far');
      expect(performance.now() - startedAt).toBeLessThan(6000);
      relay.kill('SIGKILL');
    },
  );
});

describe('twowarm relay follows', () => {
  it('the role of its server: quiet while it is a primary, and on again as a standby', async () => {
    await using node = await makeRelayNode('relay-role');
    setState(node, 'in archive recovery');
    const server = startPostmaster(node);
    arrive(node, first);
    const relay = await startedRelay(node);
    await untilThere(node, [first]);
    node.mode('none');
    setState(node, 'in production', 2);
    await waitFor('it to go quiet', () => relay.said().includes('is a primary'));
    // From before the promotion, and from after.
    arrive(node, segmentNamed(3, 2));
    arrive(node, second);
    await untilThere(node, [second]);
    expect(namesIn(node, 'dr')).toEqual([first, second]);
    server.kill('SIGKILL');
    rmSync(node.path('data/postmaster.pid'));
    node.mode('standby');
    setState(node, 'shut down in recovery', 2);
    await untilThere(node, [segmentNamed(3, 2)]);
    const begins = `relaying what arrives in ${node.path('twowarm/archive')} to dr`;
    expect(await relay.stop()).toEqual(
      ended(
        log(begins) +
          log(
            'this server is a primary: it archives by itself, and only what destinations are owed is brought to them',
            'DETAIL:  What arrived here from older timelines is still carried.',
          ) +
          log(begins),
      ),
    );
  });

  it('no role that is not known', async () => {
    await using node = await makeRelayNode('relay-unknown');
    const relay = await startedRelay(node);
    setState(node, 'of the future');
    node.mode('none');
    await waitFor('the fault', () => relay.said().includes('unknown state'));
    arrive(node, first);
    setState(node, 'in archive recovery');
    node.mode('standby');
    await untilThere(node, [first]);
    const { stderr } = await relay.stop();
    expect(stderr.match(/ERROR: {2}pg_control in \S+ has an unknown state/g)).toHaveLength(1);
    expect(stderr).toContain('; nothing is relayed. Nothing is relayed until it is known.\n');
  });

  it('its configuration, and keeps the last right one', async () => {
    await using node = await makeRelayNode('relay-configuration');
    const relay = await startedRelay(node);
    arrive(node, first);
    await untilThere(node, [first]);
    node.configure("[destination.dr]\nurl = 'file:relative'\n");
    await waitFor('the fault', () => relay.said().includes('What was configured before stays in force.'));
    arrive(node, second);
    await untilThere(node, [second]);
    node.sandbox.directory('far');
    node.configure(destinationsToml(node, ['dr', 'far']));
    await untilThere(node, [first, second], 'far');
    expect(relay.said()).toContain(log(`taking the changed ${node.path('twowarm/twowarm.toml')} into use`));
    expect(relay.said()).toContain(
      log(`relaying what arrives in ${node.path('twowarm/archive')} to dr, far`),
    );
    expect((await relay.stop()).code).toBe(0);
  });

  it('its own archive: gone, and there again', async () => {
    await using node = await makeRelayNode('relay-archive');
    const relay = await startedRelay(node);
    arrive(node, first);
    await untilThere(node, [first]);
    renameSync(node.path('twowarm/archive'), node.path('away'));
    await waitFor('the fault', () => relay.said().includes('does not exist'));
    arrive(node, second, {}, 'away');
    renameSync(node.path('away'), node.path('twowarm/archive'));
    await untilThere(node, [second]);
    await waitFor('the good news', () => relay.said().includes('can be read again'));
    const { code, stderr } = await relay.stop();
    expect(code).toBe(0);
    expect(stderr.match(/ERROR/g)).toHaveLength(1);
  });

  it('a file that is copied into place slowly, without an alarm', async () => {
    await using node = await makeRelayNode('relay-growing');
    const relay = await startedRelay(node);
    const bytes = segmentBytes(first);
    node.sandbox.file(`twowarm/archive/${first}`, bytes.subarray(0, 300_000));
    await waitFor('the relay to have seen it', () => existsSync(node.path('dr/.twowarm')));
    writeFileSync(node.path(`twowarm/archive/${first}`), bytes);
    await untilThere(node, [first]);
    const { stderr } = await relay.stop();
    expect(stderr).toBe(log(`relaying what arrives in ${node.path('twowarm/archive')} to dr`));
  });
});

describe('an idle twowarm relay', () => {
  it('uses next to no processor and little memory', async () => {
    await using node = await makeRelayNode('relay-idle');
    arrive(node, first);
    const relay = await startedRelay(node);
    await untilThere(node, [first]);
    await waitFor('the entry in the ledger', () => existsSync(node.path('twowarm/state/ledger/dr/has')));
    const ticks = (): number => {
      const text = readFileSync(`/proc/${relay.pid}/stat`, 'latin1');
      const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
      return Number(fields[11]) + Number(fields[12]);
    };
    const before = ticks();
    await new Promise((resolve) => setTimeout(resolve, 6000));
    // Hundredths of a second in six seconds, in which it looks around at least once.
    expect(ticks() - before).toBeLessThan(20);
    const status = readFileSync(`/proc/${relay.pid}/status`, 'latin1');
    const rssMb = Number(/VmRSS:\s+(\d+)/.exec(status)![1]) / 1024;
    expect(rssMb).toBeLessThan(120);
    await relay.stop();
  });
});
