// What happens at the primary between the first look at it and the beginning of its backup, with a real server.
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeSandbox, type Sandbox } from '../../harness/sandbox.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { archiveCommand } from '../pair.ts';
import { copiedPair, startCopy, type CopiedPair } from './copied-pair.ts';

let sandbox: Sandbox;
let pair: CopiedPair;
let gate: string;
beforeAll(async () => {
  sandbox = makeSandbox('copy-meanwhile');
  gate = join(sandbox.path, 'gate');
  pair = await copiedPair(sandbox, {
    ...{ major: 15, road: 'file', tables: false },
    settings: { archive_command: `test -e ${gate} && ${archiveCommand()}` },
  });
});
afterAll(async () => {
  await pair?.[Symbol.asyncDispose]();
  await sandbox?.dispose();
});

describe('a tablespace that is created before the backup begins', () => {
  it('is not left out of the copy: the call ends, and nothing has changed at the target', async () => {
    const { primary, standby } = pair;
    const running = startCopy(primary);
    const failed = 'select (failed_count > 0)::text from pg_stat_archiver';
    await waitFor('the segment to be waited for', async () => (await primary.value(failed)) === 'true');
    const location = sandbox.directory('late');
    await primary.query(`create tablespace late location '${location}'`);
    const oid = await primary.value("select oid::text from pg_tablespace where spcname = 'late'");
    writeFileSync(gate, '');
    const { code, stderr } = await running.result;
    expect({ code, stderr }).toEqual({
      code: 53,
      stderr: [
        'copyToStandby: ERROR:  the tablespaces of the cluster have changed since it was looked at: nothing was copied',
        `DETAIL:  Tablespace ${oid} is at ${location} now, and was not there.`,
        'HINT:  Call again.',
        '',
      ].join('\n'),
    });
    expect(existsSync(standby.dataDirectory)).toBe(false);
  });
});
