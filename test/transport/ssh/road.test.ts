// The ssh: road against a real OpenSSH server: the contract.
import { afterAll, beforeAll } from 'vitest';
import { openDestination } from '../../../src/transport/open.ts';
import { makeSandbox, type Sandbox } from '../../harness/sandbox.ts';
import { describeRoad } from '../contract.ts';
import { sshScene, type SshScene } from './scene.ts';

let sandbox: Sandbox;
let scene: SshScene;

beforeAll(async () => {
  sandbox = makeSandbox('sshd');
  scene = await sshScene(sandbox);
});

afterAll(async () => {
  await scene[Symbol.asyncDispose]();
  await sandbox.dispose();
});

describeRoad('the ssh: road', {
  turn: 0,
  isFar: true,
  promises: { exclusive: true, durable: true },
  open: async (own) => {
    const directory = own.directory('archive');
    const url = `ssh://${scene.sshd.user}@127.0.0.1:${scene.sshd.port}${directory}`;
    const again = () => openDestination(url, scene.node());
    return { road: await again(), directory, again };
  },
});
