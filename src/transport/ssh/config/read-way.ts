// The way to a host by ssh_config: its own settings, and those of each jump host before it. Loaded only where there is
// an ssh_config.
import type { Place } from '../known-hosts.ts';
import { notSupported } from './config-faults.ts';
import { evaluate } from './evaluate.ts';
import { readHostSettings, type HostSettings, type Surroundings } from './host-settings.ts';
import { hopWords, type Hop } from './jump.ts';
import type { ConfigSource } from './sources.ts';

/** A host on the way. */
export interface Stop {
  /** As the URL or a ProxyJump has it. */
  asked: Hop;
  settings: HostSettings;
}

/** Whoever needs more has a circle. */
const mostJumps = 8;

/** From the first jump host to the host that is asked for. Throws `settings`, `not-built` and faults of reading. */
export function readWay(asked: Hop, sources: readonly ConfigSource[], surroundings: Surroundings): Stop[] {
  return wayTo(asked, undefined);

  /** `fixed`: the jump hosts before it, where a ProxyJump lists several: then its own does not count. */
  function wayTo(host: Hop, fixed: readonly Hop[] | undefined, jumpsAfter: readonly Hop[] = []): Stop[] {
    const known = { ...host, hasJump: fixed !== undefined };
    const settings = readHostSettings(known, evaluate(known, sources, surroundings.account), surroundings);
    const hops = fixed ?? settings.jump.value;
    const last = hops.at(-1);
    if (last === undefined) return [{ asked: host, settings }];
    const after = [last, ...jumpsAfter];
    const before = hops.slice(0, -1);
    if (after.length > mostJumps) throw inCircle(host, after, settings.jump.at);
    return [...wayTo(last, before.length > 0 ? before : undefined, after), { asked: host, settings }];
  }
}

/** `at` is absent only where the list of another host's ProxyJump is too long. */
const inCircle = (host: Hop, hops: readonly Hop[], at: Place | undefined): Error =>
  notSupported(`ProxyJump ${hopWords(hops[0]!)}`, `the way leads over more than ${mostJumps} jump hosts`, {
    at: at ?? { file: 'ssh_config', line: 0 },
    host: host.host,
    cure: `If it is a circle, give ${hops[0]!.host} a section of its own before that line, with "ProxyJump none".`,
  });
