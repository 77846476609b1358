// Directories of a cluster that somebody has moved away behind a symbolic link: no copy of them would be whole.
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { refuseLinks } from '../../../src/backup/source/links.ts';
import { makeSandbox, type Sandbox } from '../../harness/sandbox.ts';
import { faultOf } from '../../program/fault.ts';

let sandbox: Sandbox;
let data: string;
beforeEach(() => {
  sandbox = makeSandbox('links');
  data = sandbox.directory('data');
});
afterEach(() => sandbox.dispose());

describe('a cluster', () => {
  it.each(['base', 'base/5', 'pg_xact', 'pg_multixact', 'pg_multixact/offsets', 'global'])(
    'whose %s lies behind a link is not copied without it',
    async (path) => {
      for (const each of ['base', 'pg_multixact'])
        if (each !== path) mkdirSync(join(data, each), { recursive: true });
      symlinkSync(sandbox.directory('elsewhere'), join(data, path));
      expect(await faultOf(() => refuseLinks(data))).toEqual({
        kind: 'data-directory',
        message: `cannot copy ${data}: "${path}" in it is a symbolic link`,
        detail: 'No base backup follows it: what is there would be lacking in the copy.',
        hint: 'Stop the server and put the directory back into its place; for another disk there are tablespaces.',
      });
    },
  );

  it('is copied where only pg_wal, what is copied empty, and files of the server are links', () => {
    for (const path of ['base/5', 'pg_multixact/offsets']) mkdirSync(join(data, path), { recursive: true });
    for (const path of ['pg_wal', 'pg_stat_tmp', 'log', 'server.key'])
      symlinkSync(sandbox.path, join(data, path));
    expect(() => refuseLinks(data)).not.toThrow();
  });
});
