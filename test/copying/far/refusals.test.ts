// Keys that are for something else, receivers that are too old or not there, places that are not allowed: each refusal with all of
// its words, and nothing changed over there.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Outside } from '../../../src/copying/target.ts';
import { openDestination } from '../../../src/transport/open.ts';
import { closeConnections } from '../../../src/transport/ssh/leases.ts';
import { program } from '../../harness/installation.ts';
import { run } from '../../harness/run.ts';
import { makeSshKey } from '../../harness/ssh-keys.ts';
import { faultOf } from '../../program/fault.ts';
import { makeNode } from '../../transport/archives.ts';
import { fakeReceiver } from '../../transport/ssh/fake-receiver.ts';
import { fingerprint } from '../../transport/ssh/locked-node.ts';
import { neverStopped, nothingOutside, sourceOf } from '../near/scene.ts';
import { farScene, type FarScene } from './scene.ts';

let scene: FarScene;

beforeAll(async () => {
  scene = await farScene('far-refusals');
});

afterAll(async () => {
  closeConnections();
  await scene[Symbol.asyncDispose]();
});

const twowarm = program('twowarm');
let keys = 0;

/** A key that a line of twowarm receive lets in, and the sentence of who logs in with it. */
async function lockedKey(...options: string[]) {
  keys += 1;
  const { path } = await makeSshKey(scene.sandbox, `key${keys}`);
  const { code, stdout, stderr } = await run(twowarm, [
    'receive',
    '--authorized-keys-line',
    ...options,
    `${path}.pub`,
  ]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  scene.sshd.addKey(stdout.trim());
  const login = `This node logs in as ${scene.sshd.user} on 127.0.0.1 with the key ${path} (${await fingerprint(`${path}.pub`)}).`;
  return { path, login, line: stdout };
}

const spaceAt = (location: string): Outside => ({
  tablespaces: [{ oid: '16385', location }],
  walDirectory: undefined,
});

describe('the line of twowarm receive --data-directory --authorized-keys-line', () => {
  it('lets a copy in, and names the directory and what else it may write into', async () => {
    const directory = scene.place();
    const allowed = `${dirname(directory)}/spaces`;
    scene.sandbox.directory(allowed.slice(scene.sandbox.path.length + 1));
    const key = await lockedKey('--data-directory', `${directory}/`, '--allow', allowed);
    expect(key.line).toBe(
      `restrict,command="${twowarm} receive --data-directory ${directory} --allow ${allowed}" ${readFileSync(`${key.path}.pub`, 'utf8').trim()}\n`,
    );
    const login = {
      copyIdentityFiles: [key.path],
      identityFiles: ['/nonexistent/archive_key'],
      receiver: '/nonexistent/twowarm',
    };
    const outside = spaceAt(`${allowed}/16385`);
    const target = await scene.open(directory, { login, outside });
    expect((await target.look(sourceOf(), outside, neverStopped)).state).toBe('missing');
    expect(target.traffic.sentBytes).toBeGreaterThan(1000);
    expect(target.traffic.receivedBytes).toBeGreaterThan(1000);
  });

  it('quotes what a shell would read otherwise', async () => {
    const words = ['receive', '--authorized-keys-line', '--data-directory', '/srv/it\'s "here"/data'];
    const { stdout, stderr } = await run(twowarm, words);
    expect(stdout).toBe(
      `restrict,command="${twowarm} receive --data-directory '/srv/it'\\''s \\"here\\"/data'" PUBLIC-KEY\n`,
    );
    expect(stderr).toBe(
      'twowarm receive: WARNING:  the directory /srv/it\'s "here" does not exist\n' +
        'HINT:  A base backup makes the data directory and the locations of tablespaces, but nothing above them.\n' +
        'twowarm receive: LOG:  put the public key in the place of PUBLIC-KEY\n',
    );
  });

  it.each([
    [['--data-directory', '/a', '--directory', '/b'], '--data-directory and --directory exclude each other'],
    [['--data-directory', '/a', '--allow-read'], '--data-directory and --allow-read exclude each other'],
    [['--data-directory', 'a'], '--data-directory needs an absolute path'],
    [['--data-directory', '/'], 'the root directory cannot be a data directory'],
    [['--data-directory', '/a', '--allow', '/b:c'], '--allow needs absolute paths with a colon between them'],
    [['--directory', '/a', '--allow', '/b'], '--allow is for --data-directory: an archive has one directory'],
    [[], 'twowarm receive needs --directory, or --data-directory, and an absolute path'],
  ])('refuses %j', async (options, message) => {
    const { code, stdout, stderr } = await run(twowarm, ['receive', '--authorized-keys-line', ...options]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr.split('\n')[0]).toBe(`twowarm receive: ERROR:  ${message}`);
  });
});

describe('a key for something else', () => {
  it('that is for the archive is refused to a copy, with the line to make', async () => {
    const directory = scene.place();
    const archive = scene.sandbox.directory('archive');
    const key = await lockedKey('--directory', archive);
    const outside = { ...spaceAt(`${directory}-space`), walDirectory: '/srv/wal' };
    expect(
      await faultOf(() => scene.open(directory, { login: { identityFiles: [key.path] }, outside })),
    ).toEqual({
      kind: 'not-allowed',
      message: `could not open ${scene.urlOf(directory)}: this key is for an archive, and a base backup needs a key of its own`,
      detail: `In authorized_keys over there the key is for the archive ${archive}. ${key.login}`,
      hint:
        `Make a line for authorized_keys over there: ${twowarm} receive --data-directory ${directory} --allow ${directory}-space:/srv/wal --authorized-keys-line KEY.pub. ` +
        'Name the private key of KEY.pub here in twowarm.toml: ssh.copy_identity_files.',
    });
    expect(existsSync(directory)).toBe(false);
  });

  it('that is for base backups is refused to an archive', async () => {
    const directory = scene.place();
    const key = await lockedKey('--data-directory', directory);
    const identity = { ...makeNode(scene.sandbox), login: scene.login({ identityFiles: [key.path] }) };
    const url = scene.urlOf(scene.sandbox.directory('archive'));
    expect(await faultOf(() => openDestination(url, identity))).toEqual({
      kind: 'not-allowed',
      message: `could not open ${url}: this key is for base backups, and an archive needs another one`,
      detail: `In authorized_keys over there the key is for the data directory ${directory}. ${key.login}`,
      hint: 'Name this key in twowarm.toml in ssh.copy_identity_files only, and the key for the archive in ssh.identity_files. The line for that one is made over there: twowarm receive --directory DIR --authorized-keys-line KEY.pub',
    });
  });

  it('that is for another data directory says so', async () => {
    const directory = scene.place();
    const key = await lockedKey('--data-directory', directory);
    const login = { identityFiles: [key.path] };
    const other = `${directory}2`;
    expect(await faultOf(() => scene.open(other, { login }))).toEqual({
      kind: 'not-allowed',
      message: `could not open ${scene.urlOf(other)}: the receiver serves another data directory than the copy is for`,
      detail: `It serves ${directory}; the copy is for ${other}. ${key.login}`,
      hint: 'In authorized_keys over there, the command of this key has that --data-directory: change the one or the other.',
    });
  });

  it('that does not allow a tablespace says which line is needed, and in the place of which', async () => {
    const directory = scene.place();
    const key = await lockedKey('--data-directory', directory);
    const login = { identityFiles: [key.path] };
    const space = `${directory}-space`;
    const target = await scene.open(directory, { login });
    const refusal = (location: string, hint: string) => ({
      kind: 'not-allowed',
      message: `cannot copy to ${scene.urlOf(directory)}: the receiver may not write into ${location}`,
      detail: `It may write into the data directory only. ${key.login}`,
      hint: `Over there: ${hint}.`,
    });
    const line = `make a line for authorized_keys: ${twowarm} receive --data-directory ${directory} --allow ${space} --authorized-keys-line KEY.pub, and put it in the place of the line that this key has there`;
    for (const verb of ['look', 'prepare'] as const)
      expect(await faultOf(() => target[verb](sourceOf(), spaceAt(space), neverStopped))).toEqual(
        refusal(space, line),
      );
    expect(await faultOf(() => target.look(sourceOf(), spaceAt('/srv/a:b'), neverStopped))).toEqual(
      refusal(
        '/srv/a:b',
        'the path of /srv/a:b has a colon, and cannot be allowed: choose another one with --tablespace-mapping or --waldir',
      ),
    );
    expect(existsSync(directory)).toBe(false);
  });

  it('is asked for the places that are used, not for those that a new target would have', async () => {
    const directory = scene.place();
    const spaces = scene.sandbox.directory('allowed-spaces');
    const space = join(spaces, '16385');
    const key = await lockedKey('--data-directory', directory, '--allow', spaces);
    const login = { identityFiles: [key.path] };
    const guessed = { ...spaceAt('/srv/of-the-source'), walDirectory: '/srv/wal-of-the-source' };
    const target = await scene.open(directory, { login, outside: guessed });
    await target.look(sourceOf(), nothingOutside, neverStopped);
    await target.prepare(sourceOf(), spaceAt(space), neverStopped);
    expect(existsSync(join(directory, 'pg_tblspc/16385'))).toBe(true);
  });
});

describe('a far side', () => {
  const tooOld = (url: string, login = '') => ({
    kind: 'protocol-version',
    message: `could not open ${url}: the receiver on the far side is too old for base backups, or its key is for the archive only`,
    ...(login !== '' && { detail: login }),
    hint: 'Update twowarm over there (distrib2warm). If it is not older than this one, make a key of its own for base backups: over there twowarm receive --data-directory DIR --authorized-keys-line KEY.pub makes its line for authorized_keys, and here ssh.copy_identity_files in twowarm.toml names the private key.',
  });

  it('whose receiver is older than base backups is told of, whether it is locked to an archive or not', async () => {
    const directory = scene.place();
    const url = scene.urlOf(directory);
    const refusal = { reply: 'error', kind: 'protocol', message: 'a hello must come first' };
    const locked = fakeReceiver(scene.sandbox, { 'hello-copy': [{ message: refusal }] });
    expect(await faultOf(() => scene.open(directory, { login: { receiver: locked } }))).toEqual(tooOld(url));
    const old = scene.sandbox.file(
      'old/twowarm',
      '#!/bin/sh\necho "twowarm receive: ERROR:  unknown option \\"--data-directory\\"" >&2\nexit 2\n',
      0o700,
    );
    expect(await faultOf(() => scene.open(directory, { login: { receiver: old } }))).toEqual(tooOld(url));
  });

  it('that has no twowarm says what to install, or which line to correct', async () => {
    const directory = scene.place();
    const fault = await faultOf(() => scene.open(directory, { login: { receiver: '/nonexistent/twowarm' } }));
    expect(fault).toMatchObject({
      kind: 'protocol',
      message: `could not open ${scene.urlOf(directory)}: the far side has no receiver`,
      hint: 'Install twowarm there, and set ssh.receiver to the path of its bin/twowarm.',
    });
    const key = await lockedKey('--data-directory', directory);
    const { path } = await makeSshKey(scene.sandbox, 'gone');
    const line = key.line.replace(twowarm, '/opt/gone/two-warm');
    scene.sshd.addKey(line.replace(/ssh-ed25519 .*/, readFileSync(`${path}.pub`, 'utf8')).trim());
    expect(await faultOf(() => scene.open(directory, { login: { identityFiles: [path] } }))).toMatchObject({
      message: `could not open ${scene.urlOf(directory)}: the far side has no receiver`,
      hint: 'Install twowarm there, and set ssh.receiver to the path of its bin/twowarm. Where the line of this key in authorized_keys over there has a command=, the path in that counts.',
    });
  });

  it('that cannot be reached, or lets nobody in, says so of the target', async () => {
    const directory = scene.place();
    const port = 1;
    expect(await faultOf(() => scene.open(directory, { port }))).toEqual({
      kind: 'unreachable',
      message: `could not open ${scene.urlOf(directory, port)}: Connection refused`,
      hint: 'Check that sshd runs on 127.0.0.1 and listens on port 1.',
    });
    const { path } = await makeSshKey(scene.sandbox, 'stranger');
    expect(await faultOf(() => scene.open(directory, { login: { identityFiles: [path] } }))).toMatchObject({
      kind: 'login-refused',
      message: `could not open ${scene.urlOf(directory)}: the far side refused the login of ${scene.sshd.user}`,
      hint: expect.stringMatching(
        / The line for authorized_keys of \S+ over there is made there: twowarm receive --data-directory DIR --authorized-keys-line KEY\.pub$/,
      ) as string,
    });
  });

  it('is asked for the tablespaces without a forced command, also with names that a shell would read otherwise', async () => {
    const directory = join(scene.sandbox.directory("it's here"), 'data');
    const outside = spaceAt(join(scene.sandbox.directory('$(spaces)'), 'a: b'));
    const target = await scene.open(directory);
    await target.prepare(sourceOf(), outside, neverStopped);
    expect(existsSync(join(directory, 'pg_tblspc/16385'))).toBe(true);
  });

  it('of which the parent of the data directory is missing says so', async () => {
    const directory = `${scene.place()}/main`;
    const target = await scene.open(directory);
    expect(await faultOf(() => target.look(sourceOf(), nothingOutside, neverStopped))).toEqual({
      kind: 'directory-missing',
      message: `cannot create directory ${scene.urlOf(directory)}: ${dirname(directory)} does not exist`,
      detail: 'It is to be the data directory of the copy.',
      hint: 'Over there: if a disk is to be mounted there, mount it; else create that directory.',
    });
  });
});
