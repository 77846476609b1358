// The server that the tests of the ssh road log in to, asked by the real ssh client.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { program } from './installation.ts';
import { processesIn } from './processes.ts';
import { run, startProgram, type RunResult } from './run.ts';
import { makeSandbox } from './sandbox.ts';
import { runsAsRoot, serverUser } from './server-user.ts';
import { makeSshKey } from './ssh-keys.ts';
import { clientOptions, startSshd, type Sshd } from './sshd.ts';
import { waitFor } from './wait-for.ts';

const ssh = (server: Sshd, ...words: string[]): Promise<RunResult> =>
  run('ssh', [...server.clientOptions, '127.0.0.1', ...words]);

describe.concurrent('a server of our own', () => {
  it('lets the user of the servers in, who can run what is installed', async () => {
    await using sandbox = makeSandbox('sshd');
    await using server = await startSshd(sandbox);
    expect(server.user).toBe(serverUser().name);
    expect(await ssh(server, 'id', '-un')).toMatchObject({
      code: 0,
      stdout: `${serverUser().name}\n`,
      stderr: '',
    });
    const { code, stdout } = await ssh(server, program('twowarm'), '--version');
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^twowarm \d/)]);
    expect((await ssh(server, 'exit 7')).code).toBe(7);
    expect(server.logText()).toContain(`Accepted publickey for ${server.user} from 127.0.0.1`);
  });

  it('runs the command that a key is bound to, whatever is asked for', async () => {
    await using sandbox = makeSandbox('sshd');
    await using server = await startSshd(sandbox);
    const bound = await makeSshKey(sandbox, 'bound_key');
    server.addKey(bound.publicLine, `restrict,command="echo bound: $SSH_ORIGINAL_COMMAND"`);
    const options = clientOptions({ ...server, key: bound.path });
    expect(await run('ssh', [...options, '127.0.0.1', 'rm', '-r', '/'])).toMatchObject({
      code: 0,
      stdout: 'bound: rm -r /\n',
    });
    const forwarding = await run('ssh', [...options, '-W', `127.0.0.1:${server.port}`, '127.0.0.1']);
    expect(forwarding.stderr).toContain('administratively prohibited');
  });

  it('refuses a key that it was not told of', async () => {
    await using sandbox = makeSandbox('sshd');
    await using server = await startSshd(sandbox);
    const wrong = await makeSshKey(sandbox, 'wrong_key');
    const options = clientOptions({ ...server, key: wrong.path });
    expect(await run('ssh', [...options, '127.0.0.1', 'true'])).toMatchObject({
      code: 255,
      stderr: `${server.user}@127.0.0.1: Permission denied (publickey).\r\n`,
    });
    server.removeKeys();
    expect((await ssh(server, 'true')).code).toBe(255);
    server.addKey(wrong.publicLine);
    expect((await run('ssh', [...options, '127.0.0.1', 'true'])).code).toBe(0);
  });

  it('has every kind of host key, and other ones after a restart on the same port', async () => {
    await using sandbox = makeSandbox('sshd');
    await using server = await startSshd(sandbox, { hostKeyTypes: ['ed25519', 'ecdsa', 'rsa'] });
    const before = server.hostKeys();
    expect(before.map((line) => line.split(' ')[0])).toEqual([
      'ssh-ed25519',
      'ecdsa-sha2-nistp256',
      'ssh-rsa',
    ]);
    for (const algorithm of ['ssh-ed25519', 'ecdsa-sha2-nistp256', 'rsa-sha2-512']) {
      const only = ['-o', `HostKeyAlgorithms=${algorithm}`];
      const { code } = await run('ssh', [...server.clientOptions, ...only, '127.0.0.1', 'true']);
      expect([algorithm, code]).toEqual([algorithm, 0]);
    }
    await server.restart();
    expect(server.hostKeys()).toEqual(before);
    expect((await ssh(server, 'true')).code).toBe(0);
    await server.restart({ newHostKeys: true, hostKeyTypes: ['ed25519'] });
    expect(server.hostKeys()).toHaveLength(1);
    const refusal = await ssh(server, 'true');
    expect(refusal.code).toBe(255);
    expect(refusal.stderr).toContain('REMOTE HOST IDENTIFICATION HAS CHANGED');
  });

  it('hangs while it is paused, and goes on afterwards', async () => {
    await using sandbox = makeSandbox('sshd');
    await using server = await startSshd(sandbox);
    const words = [...server.clientOptions, '127.0.0.1', 'echo one; read line; echo two'];
    const call = startProgram('ssh', ['-o', 'ConnectTimeout=20', ...words]);
    await waitFor('the login', () => server.logText().includes('Starting session'));
    server.pause();
    const impatient = await run('ssh', ['-o', 'ConnectTimeout=1', ...server.clientOptions, '127.0.0.1']);
    expect(impatient.stderr).toContain('timed out');
    server.resume();
    expect(await call.result).toMatchObject({ code: 0, stdout: 'one\ntwo\n' });
  });

  it('takes what its sessions run with it, also what has left its session', async () => {
    await using sandbox = makeSandbox('sshd');
    const server = await startSshd(sandbox);
    const file = join(sandbox.path, 'pids');
    // The first one has lost its session, and sshd with it, when the second one begins.
    const left = await ssh(server, `setsid sleep 600 >/dev/null 2>&1 </dev/null & echo $! > ${file}`);
    expect(left.code).toBe(0);
    const call = startProgram('ssh', [
      ...server.clientOptions,
      '127.0.0.1',
      `echo $$ >> ${file}; exec sleep 600`,
    ]);
    const pids = await waitFor('the second session', () => {
      const found = readFileSync(file, 'utf8').trim().split('\n').map(Number);
      return found.length === 2 && found;
    });
    expect(server.connections()).toEqual(expect.arrayContaining(pids));
    await server.stop();
    await server.stop();
    expect((await call.result).code).toBe(255);
    await waitFor('all to be gone', () => pids.every((pid) => !existsSync(`/proc/${pid}/exe`)));
    expect(processesIn(sandbox.path)).toEqual([]);
    expect(server.connections()).toEqual([]);
  });

  it('says why it could not start', async () => {
    await using sandbox = makeSandbox('sshd');
    await expect(startSshd(sandbox, { configuration: ['Nonsense yes'] })).rejects.toThrow(
      /^sshd ended at once: .*Bad configuration option: Nonsense/,
    );
    expect(processesIn(sandbox.path)).toEqual([]);
  });

  // Somebody without rights and without a shell cannot log in anywhere, so the tests would be run by somebody else.
  it.runIf(runsAsRoot())('gives a shell to a user who has none', async () => {
    await using sandbox = makeSandbox('sshd');
    await using server = await startSshd(sandbox, { loginShell: '/usr/sbin/nologin' });
    expect(await ssh(server, 'id -un; echo $SHELL')).toMatchObject({
      code: 0,
      stdout: `${serverUser().name}\n/bin/sh\n`,
      stderr: '',
    });
  });
});
