// A far side for as long as the build needs one: whoever connects over loopback with the key that it has made may run
// commands here. For the code caches only; tests and measurements use OpenSSH.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import ssh2, { type Connection, type ServerChannel } from 'ssh2';

export interface LoopbackSshd extends AsyncDisposable {
  port: number;
  clientKey: string;
  knownHosts: string;
}

/** Resolves when the command has ended. */
async function execute(command: string, channel: ServerChannel): Promise<void> {
  const child = spawn('/bin/sh', ['-c', command], { stdio: 'pipe' });
  channel.pipe(child.stdin);
  child.stdout.pipe(channel, { end: false });
  child.stderr.pipe(channel.stderr, { end: false });
  // Whoever has gone does not take what is still written.
  for (const stream of [child.stdin, channel]) stream.on('error', () => undefined);
  // A connection that is cut ends no stream by itself.
  channel.once('close', () => child.stdin.end());
  const [code] = (await once(child, 'close')) as [number | null];
  channel.exit(code ?? 255);
  channel.end();
}

function serve(client: Connection, publicKey: Buffer, running: Promise<void>[]): void {
  client.on('error', () => undefined);
  client.on('authentication', (login) => {
    if (login.method === 'publickey' && login.key.data.equals(publicKey)) login.accept();
    else login.reject(['publickey']);
  });
  client.on('session', (accept) => {
    accept().on('exec', (acceptCommand, _reject, { command }) => {
      running.push(execute(command, acceptCommand()));
    });
  });
}

/** ssh2 makes a key now and then that it cannot read: a number that begins with zeros loses them. */
function makeKey(): { private: string; public: string } {
  for (;;) {
    const pair = ssh2.utils.generateKeyPairSync('ed25519');
    if (!(ssh2.utils.parseKey(pair.private) instanceof Error)) return pair;
  }
}

/** Starts one with keys of its own, written into `directory`. */
export async function startLoopbackSshd(directory: string): Promise<LoopbackSshd> {
  const [host, client] = [makeKey(), makeKey()];
  const [clientKey, knownHosts] = [join(directory, 'client_key'), join(directory, 'known_hosts')];
  const publicKey = Buffer.from(client.public.split(' ')[1]!, 'base64');
  const running: Promise<void>[] = [];
  const server = new ssh2.Server({ hostKeys: [host.private] }, (connection) =>
    serve(connection, publicKey, running),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  writeFileSync(clientKey, client.private, { mode: 0o600 });
  writeFileSync(knownHosts, `[127.0.0.1]:${port} ${host.public}\n`);
  return {
    port,
    clientKey,
    knownHosts,
    [Symbol.asyncDispose]: async () => {
      await Promise.all(running);
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
