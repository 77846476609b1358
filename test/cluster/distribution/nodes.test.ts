// How the login of a node is written.
import { expect, it } from 'vitest';
import { loginWords } from '../../../src/cluster/distribution/nodes.ts';
import { readSshUrl, type SshRoad } from '../../../src/program/ssh-url.ts';

it('a login is written with what the URL says, and no more', () => {
  const words = (url: string): string =>
    loginWords({ name: 'db2', road: readSshUrl(url) as SshRoad, archives: [] });
  expect([words('ssh://postgres@db2:2222/a'), words('ssh://db2/a'), words('ssh://root@[::1]/a')]).toEqual([
    'postgres@db2:2222',
    'db2',
    'root@[::1]',
  ]);
});
