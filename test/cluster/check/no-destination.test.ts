// What twowarm check says of a node whose configuration names no place for WAL to go to.
import { rmSync } from 'node:fs';
import { expect, it } from 'vitest';
import { makeNode } from '../../harness/node-fixture.ts';
import { found, said } from './check.ts';

it('a node without a destination ships to nobody, unless it is the one for disasters or was promoted', async () => {
  await using node = await makeNode('check-none', { configuration: () => '', used: false });
  const hint = `HINT:  Add a [destination.<name>] with its url to ${node.path('twowarm/twowarm.toml')}.`;
  expect(await said(node, 'destinations')).toEqual({
    code: 2,
    lines: found('CRITICAL', 'destinations', 'no destination is configured: archiveWALFile fails', hint),
  });
  // As triggerStandby leaves it.
  const marker = node.sandbox.file(
    'twowarm/state/own-archive',
    '{"since":"2026-01-31T12:00:00.000Z","timeline":2}\n',
  );
  expect(await said(node, 'destinations')).toEqual({
    code: 1,
    lines: found(
      'WARNING',
      'destinations',
      'no destination is configured: since it was promoted this node has the only copy of its WAL',
      hint,
    ),
  });
  rmSync(marker);
  node.mode('standby');
  expect(await said(node, 'destinations')).toEqual({
    code: 1,
    lines: found(
      'WARNING',
      'destinations',
      'no destination is configured: once promoted, this node has the only copy of its WAL',
      hint,
    ),
  });
  // Unless it is the one for disasters.
  node.configure("role = 'dr'\n");
  expect(await said(node, 'destinations')).toEqual({
    code: 0,
    lines: found(
      'ok',
      'destinations',
      "no destination is configured, and this is the node for disasters (node.role = 'dr')",
    ),
  });
  node.mode('none');
  expect((await said(node, 'destinations')).code).toBe(2);
});
