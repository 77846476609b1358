// The file: road: the contract, and what only a directory of this machine has.
import { openDestination } from '../../src/transport/open.ts';
import { makeNode } from './archives.ts';
import { describeRoad } from './contract.ts';

describeRoad('the file: road', {
  promises: { exclusive: true, durable: true },
  open: async (sandbox) => {
    const directory = sandbox.directory('archive');
    const again = () => openDestination(`file:${directory}`, makeNode(sandbox));
    return { road: await again(), directory, again };
  },
});
