// A look at a node whose disk hangs ends with its time.
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { FarSide } from '../../../src/cluster/distribution/far-side.ts';
import { describeError } from '../../../src/program/print-error.ts';
import { makeScene, putTool, removeTools, type FarSite, type Scene } from './scene.ts';

let scene: Scene;
let site: FarSite;
beforeAll(async () => {
  scene = await makeScene('db2');
  site = scene.sites[0]!;
});
beforeEach(() => removeTools(site));
afterAll(() => scene[Symbol.asyncDispose]());

async function look(limitMs?: number) {
  const { user, port, clientKey, knownHosts } = site.sshd;
  const [kind, host] = ['ssh', '127.0.0.1'] as const;
  const road = { kind, host, written: host, user, port, directory: '/-' };
  const login = {
    configFile: 'none',
    identityFiles: [clientKey],
    knownHosts: [knownHosts],
    agent: undefined,
  };
  const limits = { receiver: 'twowarm', connectLimitMs: 10_000, idleLimitMs: 10_000 };
  const stop = AbortSignal.timeout(60_000);
  const node = { name: 'db2', road, archives: [] };
  const far = await FarSide.open(node, { ...login, ...limits }, '.local/lib/twowarm', stop);
  try {
    return await far.look(stop, limitMs);
  } finally {
    far.close();
  }
}

it('a node is looked at, and where its disk hangs it is given up in words', async () => {
  expect(await look()).toMatchObject({ directory: site.directory, current: undefined, lacks: [] });
  putTool(site, 'df', 'exec sleep 30');
  const error: unknown = await look(500).catch((fault: unknown) => fault);
  expect(describeError(error)).toMatchObject({
    kind: 'timed-out',
    report: { message: 'could not look at db2: no answer within 500ms' },
  });
});
