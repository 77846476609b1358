// The rsync+ssh: road against a real OpenSSH server: the contract. The directory has a name that a shell would take apart.
import { afterAll, beforeAll } from 'vitest';
import { makeSandbox, type Sandbox } from '../../harness/sandbox.ts';
import { startSshd, type Sshd } from '../../harness/sshd.ts';
import { describeRoad } from '../contract.ts';
import { declared, openUsed, rsyncNode } from './scene.ts';

let sandbox: Sandbox;
let sshd: Sshd;

beforeAll(async () => {
  sandbox = makeSandbox('rsync-sshd');
  // Each verb logs in anew: the quickest exchange of keys that OpenSSH has.
  sshd = await startSshd(sandbox, { configuration: ['KexAlgorithms curve25519-sha256'] });
});

afterAll(async () => {
  await sshd.stop();
  await sandbox.dispose();
});

describeRoad('the rsync+ssh: road', {
  turn: 0,
  ...declared,
  open: async (own) => {
    const directory = own.directory(`its "ar chive"; of $HOME & db2's`);
    const url = `rsync+ssh://${sshd.user}@127.0.0.1:${sshd.port}${directory}`;
    const again = () => openUsed(url, directory, rsyncNode(own, sshd));
    return { road: await again(), directory, again };
  },
});
