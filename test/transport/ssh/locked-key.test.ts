// What a key may do that the line of twowarm receive --authorized-keys-line lets in, and what is said where that line, on
// the far side, is what refuses.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { program } from '../../harness/installation.ts';
import { silent } from '../../harness/node-fixture.ts';
import { run } from '../../harness/run.ts';
import { makeSandbox, type Sandbox } from '../../harness/sandbox.ts';
import { makeSshKey } from '../../harness/ssh-keys.ts';
import { startSshd, type Sshd } from '../../harness/sshd.ts';
import { segmentNamed } from '../../harness/wal-files.ts';
import { expectNotRestored, expectRefusal, quick, restored, store } from './expect-refusal.ts';
import { fingerprint, lockedNode } from './locked-node.ts';
import { anotherSegment as name, urlOf } from './ssh-node.ts';

let sandbox: Sandbox;
let sshd: Sshd;

beforeAll(async () => {
  sandbox = makeSandbox('locked-key');
  sshd = await startSshd(sandbox);
});

afterAll(async () => {
  await sshd.stop();
  await sandbox.dispose();
});

const limits = { timeout: 120_000 };

/** The words of the shell over there for a program that is not there. */
const goneSays = async (): Promise<string> =>
  `${(await run('ssh', [...sshd.clientOptions, '127.0.0.1', '/opt/gone/bin/twowarm'])).stderr.trim()}.`;

describe('the line of twowarm receive --authorized-keys-line', limits, () => {
  it('lets a node store, and not read', async () => {
    await using node = await lockedNode(sshd);
    node.segment(name);
    expect(await store(node)).toEqual(silent([`created far/${name}`]));
    await expectNotRestored(
      node,
      `could not open ${node.url}: the receiver does not allow to read\n` +
        node.login +
        'HINT:  In authorized_keys over there, the command of this key needs --allow-read.\n',
    );
  });

  it('with --allow-read lets a node read, too', async () => {
    await using node = await lockedNode(sshd, '--allow-read');
    expect(await node.restore(segmentNamed(1), restored)).toMatchObject({ code: 0, stderr: '' });
  });

  it('lets a node into no other directory', async () => {
    await using node = await lockedNode(sshd, '--allow-read');
    const url = urlOf(sshd, node.sandbox.directory('elsewhere'));
    node.use({ ...quick, url, identityFiles: [node.path('locked_key')] });
    await expectRefusal(
      node,
      64,
      `could not open ${url}: the receiver serves another directory than the URL names\n` +
        node.login.replace(
          'DETAIL:  ',
          `DETAIL:  It serves ${node.far}; the URL names ${node.path('elsewhere')}. `,
        ) +
        'HINT:  In authorized_keys over there, the command of this key has that --directory: change the one or the other.\n',
    );
    const tilde = urlOf(sshd, '/~/archive');
    node.use({ ...quick, url: tilde, identityFiles: [node.path('locked_key')] });
    await expectRefusal(
      node,
      64,
      `could not open ${tilde}: the receiver serves another directory than the URL names\n` +
        node.login.replace('DETAIL:  ', `DETAIL:  It serves ${node.far}; the URL names /~/archive. `) +
        'HINT:  ~ is not expanded: write the whole path into the URL.\n',
    );
  });

  it('that names a twowarm which is gone says that authorized_keys names it', async () => {
    await using node = await lockedNode(sshd, '--allow-read');
    const { path, publicLine } = await makeSshKey(node.sandbox, 'old_key');
    sshd.addKey(
      node.line.replace(program('twowarm'), '/opt/gone/bin/twowarm').replace(/ssh-ed25519 .*/, publicLine),
    );
    node.use({ ...quick, identityFiles: [path] });
    await expectRefusal(
      node,
      62,
      `could not open ${node.url}: the far side has no receiver at /opt/gone/bin/twowarm\n` +
        `DETAIL:  The far side says: ${await goneSays()} This node logs in as ${sshd.user} on 127.0.0.1 with the key ${path} (${await fingerprint(`${path}.pub`)}).\n` +
        'HINT:  Not ssh.receiver says that path, but authorized_keys over there, in the line of this key. Make another one, there, and put it in the place of that line: twowarm receive --directory DIR --authorized-keys-line KEY.pub\n',
    );
  });

  it('lets its key run nothing else, and forward nothing', async () => {
    await using node = await lockedNode(sshd, '--allow-read');
    const [, , ...rest] = sshd.clientOptions;
    const options = rest.map((word) => (word === sshd.clientKey ? node.path('locked_key') : word));
    const client = ['-F', '/dev/null', ...options];
    const evil = node.path('evil');
    const ran = await run('ssh', [...client, '127.0.0.1', `touch ${evil}`]);
    // The receiver ran in its place, and heard nothing.
    expect(ran).toMatchObject({ code: 0, stdout: '\0twowarm receiver\n', stderr: '' });
    const forwarded = await run('ssh', [...client, '-W', `127.0.0.1:${sshd.port}`, '127.0.0.1']);
    expect(forwarded.code).not.toBe(0);
    expect(forwarded.stderr).toContain('administratively prohibited');
    const { changed } = await node.sh('true');
    expect(changed).toEqual([]);
    expect((await run('ls', [evil])).code).not.toBe(0);
  });
});
