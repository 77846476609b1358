// A network namespace of its own that reaches this machine over a bad line: a pair of virtual interfaces on which the kernel
// delays and loses packets (tc netem). Only root can make it, and not on every machine.
import { spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';

import { atExit } from './cleanup.ts';
import { quoted } from './node-fixture.ts';
import { serverUser } from './server-user.ts';
import { ensureSystemPackages } from './system-packages.ts';

export interface LossyNetwork extends Disposable {
  /** The address of this machine as the namespace sees it. */
  readonly address: string;
  /** A command line that runs `line` in the namespace, as the server user; the caller has to be root. */
  inside(line: string): string;
}

function ip(...words: string[]): string {
  const { status, stderr } = spawnSync('ip', words, { encoding: 'utf8' });
  return status === 0 ? '' : `ip ${words.join(' ')}: ${stderr.trim() || 'failed'}`;
}

function must(refusal: string): void {
  if (refusal !== '') throw new Error(refusal);
}

/** What the kernel says when it is asked for a network namespace and for netem in it; undefined: it has both. */
export function refusalOfLossyNetwork(): string | undefined {
  ensureSystemPackages({ ip: 'iproute2', tc: 'iproute2' });
  const name = `twowarm-try-${process.pid}`;
  const refusal = ip('netns', 'add', name);
  if (refusal !== '') return refusal;
  const tc = spawnSync(
    'ip',
    ['netns', 'exec', name, ...'tc qdisc add dev lo root netem loss 1%'.split(' ')],
    {
      encoding: 'utf8',
    },
  );
  must(ip('netns', 'del', name));
  return tc.status === 0 ? undefined : `tc netem: ${tc.stderr.trim()}`;
}

/** Each packet, in either direction, goes through this queue of tc(8): 'netem delay 20ms loss 1%'. */
export function makeLossyNetwork(queue: string): LossyNetwork {
  const space = `twowarm-${process.pid}`;
  const [here, there] = [`tw${process.pid}a`, `tw${process.pid}b`];
  // Of the range for tests of networks (RFC 2544), so that it is nobody's.
  const net = `198.18.${randomInt(256)}`;
  const undo = (): void => {
    ip('link', 'del', here);
    ip('netns', 'del', space);
  };
  must(ip('netns', 'add', space));
  const forget = atExit(undo);
  try {
    must(ip('link', 'add', here, 'type', 'veth', 'peer', 'name', there, 'netns', space));
    must(ip('addr', 'add', `${net}.1/30`, 'dev', here));
    must(ip('link', 'set', here, 'up'));
    must(ip('-n', space, 'addr', 'add', `${net}.2/30`, 'dev', there));
    must(ip('-n', space, 'link', 'set', there, 'up'));
    for (const before of [[], ['netns', 'exec', space]]) {
      const words = ['tc', 'qdisc', 'add', 'dev', before.length === 0 ? here : there, 'root'];
      const [program, ...rest] = [
        ...(before.length === 0 ? [] : ['ip', ...before]),
        ...words,
        ...queue.split(' '),
      ];
      const { status, stderr } = spawnSync(program!, rest, { encoding: 'utf8' });
      if (status !== 0) throw new Error(`tc ${queue}: ${stderr.trim()}`);
    }
  } catch (error) {
    undo();
    forget();
    throw error;
  }
  const { uid, gid } = serverUser();
  const as = `setpriv --reuid=${uid} --regid=${gid} --clear-groups --`;
  return {
    address: `${net}.1`,
    inside: (line) => `exec ip netns exec ${space} ${as} sh -c ${quoted(`exec ${line}`)}`,
    [Symbol.dispose]: () => {
      undo();
      forget();
    },
  };
}
