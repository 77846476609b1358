// What twowarm check says of the way of a base backup, before anybody needs one: over ssh, with a key that may do no more than its
// line says, to a place where nothing is, to a stopped node, to one that runs.
import { existsSync, readFileSync, rmSync, symlinkSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { startOfProcess } from '../../../src/program/temporary-name.ts';
import { program } from '../../harness/installation.ts';
import { run } from '../../harness/run.ts';
import { makeSandbox } from '../../harness/sandbox.ts';
import { changesBetween, snapshot } from '../../harness/tree-snapshot.ts';
import { fingerprint } from '../../transport/ssh/locked-node.ts';
import { checkOf, found } from '../../cluster/check/check.ts';
import { configure, copiedPair, copy, giveOwnSettings, writeToml, type CopiedPair } from './copied-pair.ts';

/** Who is refused. */
const loginOf = async ({ sshd }: CopiedPair, key: string): Promise<string> =>
  `This node logs in as ${sshd!.user} on 127.0.0.1 with the key ${key} (${await fingerprint(`${key}.pub`)}).`;

it('the check goes the way of a base backup as far as it can without a change', async () => {
  await using sandbox = makeSandbox('road-checked');
  await using pair = await copiedPair(sandbox, { major: 15, road: 'ssh', tables: false, allow: ['spaces'] });
  const { primary, standby, target } = pair;
  const ofRoad = async () => {
    const { code, stdout, stderr } = await checkOf(primary.dataDirectory, '--only', 'base-backup-road');
    expect(stderr).toBe('');
    const lines = stdout.trimEnd().split('\n').slice(1);
    return { code, lines: lines.map((line) => line.replace(/within \d+ ms/, 'within … ms')) };
  };
  const says = (code: number, level: string, ...lines: [string, ...string[]]) => ({
    code,
    lines: found(level, 'base-backup-road db2', ...lines),
  });
  const opens = `${target} opens within … ms`;
  // A link that leads nowhere is no tablespace.
  const stray = join(primary.dataDirectory, 'pg_tblspc/99999');
  symlinkSync('/nowhere/space', stray);
  expect(await ofRoad()).toEqual(says(0, 'ok', `${opens}; nothing is there yet`));
  unlinkSync(stray);
  expect(existsSync(standby.dataDirectory)).toBe(false);

  const space = sandbox.directory('primary-space');
  await primary.query(`create tablespace far_away location '${space}'`);
  const spaces = join(sandbox.path, 'spaces');
  const line = (allowed: string): string =>
    `Over there: make a line for authorized_keys: ${program('twowarm')} receive --data-directory ${standby.dataDirectory} --allow ${allowed} --authorized-keys-line KEY.pub, and put it in the place of the line that this key has there.`;
  const refusal = [
    `cannot copy to ${target}: the receiver may not write into ${space}`,
    `Besides the data directory it may write into ${spaces}. ${await loginOf(pair, join(sandbox.path, 'keys/copy'))}`,
    `HINT:  ${line(`${spaces}:${space}`)}`,
  ] as const;
  const mapped = 'A first copy with --tablespace-mapping would not write there, but where it says.';
  expect(await ofRoad()).toEqual(
    says(1, 'WARNING', refusal[0], `DETAIL:  ${refusal[1]} ${mapped}`, refusal[2]),
  );

  // Where it is over there says its link.
  await copy(primary, ['--tablespace-mapping', `${space}=${join(spaces, 'far_away')}`]);
  const copied = snapshot(standby.dataDirectory);
  expect(await ofRoad()).toEqual(says(0, 'ok', `${opens}; it is this cluster's, and no server runs there`));
  expect(changesBetween(copied, snapshot(standby.dataDirectory))).toEqual([]);

  writeToml(standby, '');
  giveOwnSettings(standby);
  await configure(standby);
  await standby.start();
  const runs = "it is this cluster's, and its server runs: a copy needs it stopped";
  // Its link leads into a place that the key's line allows.
  expect(await ofRoad()).toEqual(says(0, 'ok', `${opens}; ${runs}`));
  const another = sandbox.directory('another-space');
  await primary.query(`create tablespace another location '${another}'`);
  const { code: lacking, lines: told } = await ofRoad();
  expect({ code: lacking, first: told[0] }).toEqual({
    code: 1,
    first: says(1, 'WARNING', refusal[0].replace(space, another)).lines[0],
  });
  for (const name of ['another', 'far_away']) await primary.query(`drop tablespace ${name}`);
  expect(await ofRoad()).toEqual(says(0, 'ok', `${opens}; ${runs}`));
  await standby.stop('fast');
  // Its process is this one, which is no copy, but lives.
  const lock = join(standby.dataDirectory, '.twowarm-copying.lock');
  sandbox.file('standby/data/.twowarm-copying.lock', `${process.pid} ${startOfProcess('self')}\n`);
  const busy = await ofRoad();
  expect({ code: busy.code, first: busy.lines[0] }).toEqual({
    code: 0,
    first: says(
      0,
      'skipped',
      `cannot copy into ${target}: another copy into it is at work, process ${process.pid}`,
    ).lines[0],
  });
  rmSync(lock);
  // Also while its own server is down.
  await primary.stop('fast');
  expect(await ofRoad()).toEqual(says(0, 'ok', `${opens}; it is this cluster's, and no server runs there`));

  const configuration = join(primary.parent, 'twowarm/twowarm.toml');
  const text = readFileSync(configuration, 'utf8').replace(/^copy_identity_files = .*\n/m, '');
  sandbox.file('primary/twowarm/twowarm.toml', text);
  const { code, lines } = await ofRoad();
  expect({ code, first: lines[0] }).toEqual({
    code: 1,
    first: says(
      1,
      'WARNING',
      `could not open ${target}: this key is for an archive, and a base backup needs a key of its own`,
    ).lines[0],
  });
  expect(lines.at(-1)).toContain('ssh.copy_identity_files');

  // Without the configured place of the data directory there is no way to go.
  sandbox.file('primary/twowarm/twowarm.toml', text.replace(/^data_directory = (".*standby.*")$/m, ''));
  expect(
    (await run(program('twowarm'), ['check', '-D', primary.dataDirectory, '--json'])).stdout,
  ).not.toContain('base-backup-road');
}, 120_000);
