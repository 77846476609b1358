// What happens at the primary, and in the archive, while a copy is made of it, with a real server.
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeSandbox, type Sandbox } from '../../harness/sandbox.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { archiveCommand } from '../pair.ts';
import { archiveIn, copiedPair, standingStill, startCopy, type CopiedPair } from './copied-pair.ts';

let sandbox: Sandbox;
let pair: CopiedPair;
let gate: string;
let skipped: string;
beforeAll(async () => {
  sandbox = makeSandbox('copy-meanwhile');
  gate = join(sandbox.path, 'gate');
  skipped = sandbox.file('skipped', 'nothing');
  pair = await copiedPair(sandbox, {
    ...{ major: 15, road: 'file', tables: false },
    settings: {
      archive_command: `test -e ${gate} || exit 1; test "$(cat ${skipped})" = %f || ${archiveCommand()}`,
    },
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
    const failed = 'select failed_count > 0 from pg_stat_archiver';
    await waitFor('the segment to be waited for', () => primary.value<boolean>(failed));
    const location = sandbox.directory('late');
    await primary.query(`create tablespace late location '${location}'`);
    const oid = await primary.value("select oid::text from pg_tablespace where spcname = 'late'");
    writeFileSync(gate, '');
    const { code, stderr } = await running.result;
    await primary.query('drop tablespace late');
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

describe('a file of the segment that the server still writes', () => {
  it('proves nothing: it came from elsewhere', async () => {
    const { primary, standby } = pair;
    const archive = archiveIn(standby);
    writeFileSync(gate, '');
    const name = await primary.value('select pg_walfile_name(pg_current_wal_insert_lsn())');
    writeFileSync(join(archive, name), Buffer.alloc(16 * 1024 * 1024));
    const { code, stderr } = await startCopy(primary).result;
    rmSync(join(archive, name));
    expect({ code, stderr }).toEqual({
      code: 57,
      stderr: [
        `copyToStandby: ERROR:  ${name} is at file:${archive} already, and the server still writes it`,
        'DETAIL:  The file there comes from another server, or from another life of this one: the copy would replay it.',
        'HINT:  That archive is of another line of WAL. Let the copy have an archive of its own, or move away what is there from that segment on.',
        '',
      ].join('\n'),
    });
    expect(existsSync(standby.dataDirectory)).toBe(false);
  });
});

describe('a connection pooler in node.conninfo', () => {
  it('is refused: the backup mode of the server would outlive the session with the pooler', async () => {
    const { primary, standby } = pair;
    // Like a pooler it tells each client of a process of its own.
    const pooler = createServer((client) => {
      const server = connect(join(primary.socketDirectory, `.s.PGSQL.${primary.port}`));
      client.pipe(server);
      server.on('data', (bytes: Buffer) => {
        const at = bytes.indexOf(Buffer.from([0x4b, 0, 0, 0, 12]));
        if (at >= 0) bytes.writeUInt32BE(4711, at + 5);
        client.write(bytes);
      });
      for (const each of [client, server])
        each.on('error', () => undefined).on('close', () => [client, server].forEach((one) => one.destroy()));
    });
    await new Promise<void>((resolve) => pooler.listen(0, '127.0.0.1', resolve));
    const { port } = pooler.address() as AddressInfo;
    const toml = join(primary.parent, 'twowarm', 'twowarm.toml');
    const before = readFileSync(toml, 'utf8');
    writeFileSync(toml, before.replace('[node]\n', `[node]\nconninfo = 'host=127.0.0.1 port=${port}'\n`));
    const { code, stderr } = await startCopy(primary, ['--dry-run']).result;
    writeFileSync(toml, before);
    pooler.close();
    expect({ code, stderr }).toEqual({
      code: 94,
      stderr: `copyToStandby: ERROR:  could not connect to the server in ${primary.dataDirectory}: 127.0.0.1:${port} is a connection pooler, whose session with the server would go on after this one\n`,
    });
    expect(existsSync(standby.dataDirectory)).toBe(false);
  });
});

describe('a segment in the middle of what a copy needs', () => {
  it('is asked for, too, and not only the last one', async () => {
    const { primary, standby } = pair;
    writeFileSync(gate, '');
    let first = '';
    let ended: Promise<unknown> | undefined;
    const running = startCopy(primary, ['--wait', '4s'], ({ event, startLsn }) => {
      if (event !== 'begun') return;
      const segment = Number.parseInt((startLsn as string).split('/')[1]!, 16) >> 24;
      first = `0000000100000000${segment.toString(16).toUpperCase().padStart(8, '0')}`;
      writeFileSync(skipped, first);
      ended = standingStill(running, () => primary.query('select pg_switch_wal()'));
    });
    const { code, stderr } = await running.result;
    await ended;
    expect({ code, stderr: stderr.split('\n') }).toEqual({
      code: 59,
      stderr: [
        expect.stringMatching(
          /^copyToStandby: WARNING:  the copy in \S+ is complete, but its WAL up to 0\/[0-9A-F]+ was not seen at \S+$/,
        ),
        'HINT:  Without it no server becomes consistent there. Where it still comes (see to archiving; twowarm check --full follows a segment) go on with configStandby; where it is lost, copy again.',
        `copyToStandby: ERROR:  ${first} did not arrive at file:${archiveIn(standby)} within 4s`,
        'DETAIL:  The log of the server says what archive_command said. The server counts it as archived, for archive_command has succeeded with it.',
        'HINT:  twowarm check --full follows a segment and says where it stays; --wait gives it longer.',
        '',
      ],
    });
  });
});
