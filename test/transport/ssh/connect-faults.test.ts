// What is said of a host that takes a connection and closes it before it says anything: it may be no sshd.
import { createServer, type AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { farScene } from '../../copying/far/scene.ts';
import { faultOf } from '../../program/fault.ts';

it('a host that closes the connection before the handshake gets a hint', async () => {
  await using scene = await farScene('no-handshake');
  const silent = createServer((socket) => socket.end());
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const { port } = silent.address() as AddressInfo;
  try {
    expect(await faultOf(() => scene.open(scene.place(), { port }))).toEqual({
      kind: 'connection-lost',
      message: `could not open ${scene.urlOf(`${scene.sandbox.path}/node1/data`, port)}: Connection lost before handshake`,
      hint: 'Check that it is sshd that listens there, by host and port, and that no firewall between closes the connection.',
    });
  } finally {
    silent.close();
  }
});
