// The contract over a receiver's pipes: everything of the ssh: road but ssh itself.
import { describeRoad } from '../contract.ts';
import { makeNode } from '../archives.ts';
import { roadTo } from './spawned.ts';

describeRoad('a road to a receiver', {
  turn: 2,
  isFar: true,
  promises: { exclusive: true, durable: true },
  open: async (sandbox) => {
    const directory = sandbox.directory('archive');
    const road = await roadTo(directory, makeNode(sandbox));
    return { road, directory, again: () => roadTo(directory, makeNode(sandbox)) };
  },
});
