// The road by SFTP against a real OpenSSH server, plain and compressed: the contract.
import { afterAll, beforeAll } from 'vitest';
import { openDestination } from '../../../src/transport/open.ts';
import { makeSandbox, type Sandbox } from '../../harness/sandbox.ts';
import { zstdStorage } from '../compressed-storage.ts';
import { describeRoad } from '../contract.ts';
import { sftpScene, type SftpScene } from './scene.ts';

let sandbox: Sandbox;
let scene: SftpScene;

beforeAll(async () => {
  sandbox = makeSandbox('sftp');
  scene = await sftpScene(sandbox);
});

afterAll(async () => {
  await scene[Symbol.asyncDispose]();
  await sandbox.dispose();
});

for (const compression of ['none', 'zstd'] as const) {
  describeRoad(`the sftp: road, compression = '${compression}',`, {
    promises: { exclusive: true, durable: false },
    ...(compression === 'zstd' && { storage: zstdStorage }),
    open: async (own) => {
      const directory = own.directory('archive');
      const url = scene.urlOf(directory);
      const storing = { compression, mayLack: ['not-durable'] as const };
      const again = () => openDestination(url, scene.node(), { ...storing, mayLack: [...storing.mayLack] });
      return { road: await again(), directory, again };
    },
  });
}
