// The road by SFTP against a real OpenSSH server: the contract.
import { afterAll, beforeAll } from 'vitest';
import { openDestination } from '../../../src/transport/open.ts';
import { makeSandbox, type Sandbox } from '../../harness/sandbox.ts';
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

describeRoad('the sftp: road', {
  turn: 1,
  promises: { exclusive: true, durable: false },
  open: async (own) => {
    const directory = own.directory('archive');
    const again = () => openDestination(scene.urlOf(directory), scene.node(), { mayLack: ['not-durable'] });
    return { road: await again(), directory, again };
  },
});
