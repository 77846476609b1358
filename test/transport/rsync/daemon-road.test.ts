// The rsync: road against a real daemon of rsync: the contract. The directory has a name with spaces and quotes.
import { basename, dirname } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { startRsyncd, type Rsyncd } from '../../harness/rsyncd.ts';
import { makeSandbox, type Sandbox } from '../../harness/sandbox.ts';
import { describeRoad } from '../contract.ts';
import { declared, openUsed, rsyncNode } from './scene.ts';

let sandbox: Sandbox;
let daemon: Rsyncd;

beforeAll(async () => {
  sandbox = makeSandbox('rsyncd');
  daemon = await startRsyncd(sandbox, { modules: { all: [`path = ${dirname(sandbox.path)}`] } });
});

afterAll(async () => {
  await daemon.stop();
  await sandbox.dispose();
});

describeRoad('the rsync: road', {
  turn: 1,
  ...declared,
  open: async (own) => {
    const name = `its "ar chive", of db2's`;
    const directory = own.directory(name);
    const url = `${daemon.url}/all/${basename(own.path)}/${name}`;
    const again = () => openUsed(url, directory, rsyncNode(own));
    return { road: await again(), directory, again };
  },
});
