// One story: a primary that is written to is copied, the copy follows by the archive alone, is promoted, and has all that was
// archived and nothing else; then one of the two is copied into once more.
import { existsSync, lstatSync, readdirSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Cluster } from '../../harness/cluster.ts';
import type { Sandbox } from '../../harness/sandbox.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { unarchived } from '../pair.ts';
import { trigger } from '../trigger.ts';
import {
  archiveIn,
  configure,
  copiedPair,
  copy,
  destinationFor,
  eventNames,
  giveOwnSettings,
  writeToml,
  type CopyEvent,
} from './copied-pair.ts';
import { expectSound, wholeContent } from './whole-content.ts';
import { expectVerified } from './verify-copy.ts';
import { WriteLoad } from './write-load.ts';
import type { Story } from './stories.ts';

/** What a copy says that nothing is wrong with, in this order. */
const steps = [
  'archiving-proved',
  'checkpoint',
  'begun',
  'prepared',
  'copied',
  'complete',
  'last-segment',
  'next',
  'end',
];

const initdbArgs = (sandbox: Sandbox, { major, checksums, segmentMb, hasWalLink }: Story): string[] => [
  ...(checksums && major < 18 ? ['--data-checksums'] : []),
  ...(!checksums && major >= 18 ? ['--no-data-checksums'] : []),
  ...(segmentMb === 16 ? [] : [`--wal-segsize=${segmentMb}`]),
  ...(hasWalLink ? ['-X', join(sandbox.directory('wal of primary'), 'wal')] : []),
];

/** Where a copy of this story puts what lies outside of the data directory. */
const outsideWords = (sandbox: Sandbox, { hasTablespace, hasWalLink }: Story): string[] => [
  ...(hasTablespace
    ? ['-T', `${sandbox.path}/space of primary=${sandbox.directory('outside')}/space of standby`]
    : []),
  ...(hasWalLink ? ['--waldir', join(sandbox.directory('outside'), 'wal of standby')] : []),
];

async function fill(primary: Cluster, story: Story): Promise<void> {
  const { sandbox } = primary;
  await primary.query('create extension amcheck');
  await primary.query('create database dropped');
  await primary.query('create database other');
  if (story.hasTablespace) {
    const location = sandbox.directory('space of primary');
    await primary.query(`create tablespace beside location '${location}'`);
    await primary.query(
      'create table spaced (n int primary key using index tablespace beside, text text) tablespace beside',
    );
    await primary.query("insert into spaced select i, repeat('y', 300) from generate_series(1, 3000) i");
  }
  if (story.hasSpaces) sandbox.file(`${primary.name}/data/base/a file of somebody.txt`, 'of somebody\n');
}

/** What a base backup must not have, and what has to be as it is at the primary. */
function expectLayout(copied: Cluster, story: Story): void {
  const { sandbox, dataDirectory: root } = copied;
  expect(existsSync(join(root, 'postmaster.pid'))).toBe(false);
  expect(statSync(root).mode & 0o7777).toBe(0o700);
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' });
  expect(files.filter((path) => /\/t\d+_\d+/.test(path))).toEqual([]);
  // Of an unlogged relation only what it begins with.
  const forks = files.filter((path) => path.startsWith('base/') && path.endsWith('_init'));
  expect(forks.length).toBeGreaterThanOrEqual(2);
  expect(forks.filter((path) => files.includes(path.replace(/_init$/, '')))).toEqual([]);
  const wal = lstatSync(join(root, 'pg_wal'));
  expect(wal.isSymbolicLink()).toBe(story.hasWalLink);
  if (story.hasWalLink)
    expect(readlinkSync(join(root, 'pg_wal'))).toBe(join(sandbox.path, 'outside/wal of standby'));
  expect(readdirSync(join(root, 'pg_wal')).filter((name) => /^[0-9A-F]{24}/.test(name))).toEqual([]);
  const links = readdirSync(join(root, 'pg_tblspc'));
  expect(links.map((oid) => readlinkSync(join(root, 'pg_tblspc', oid)))).toEqual(
    story.hasTablespace ? [join(sandbox.path, 'outside/space of standby')] : [],
  );
  expect(existsSync(join(root, 'base/a file of somebody.txt'))).toBe(story.hasSpaces);
}

/** Waits until the server answers, which a standby does once it is consistent. */
async function startFollowing(cluster: Cluster): Promise<void> {
  await cluster.start();
  await waitFor(`${cluster.name} to be consistent`, () =>
    cluster.value<boolean>('select pg_is_in_recovery()'),
  );
  expect(cluster.log()).toContain('consistent recovery state reached');
}

/** Ends the load and ships all that it has written; what the primary has then, and one row more that stays behind. */
async function shipAll(primary: Cluster): Promise<Record<string, string>> {
  const content = await wholeContent(primary);
  await primary.waitUntilArchived(await primary.finishSegment());
  await primary.query("insert into ledger values (-1, 'too late')");
  return content;
}

async function waitForContent(cluster: Cluster, sql: string, value: string): Promise<void> {
  await waitFor(`${cluster.name} to replay`, async () => (await cluster.value(sql)) === value, {
    limitMs: 100_000,
  });
}

const lastRow = "select (select count(*) from ledger) || ' ' || (select sum(value) from pairs)";
/** As a promotion leaves it: unlogged tables are empty. */
const promoted = (content: Record<string, string>): Record<string, string> => ({
  ...content,
  'postgres.unlogged': '0 rows, ',
});

async function firstCopy(primary: Cluster, story: Story): Promise<{ events: CopyEvent[]; rounds: number }> {
  await using load = await WriteLoad.start(primary);
  await waitFor('the load to have begun', () => load.rounds > 3);
  const before = load.rounds;
  let dropped: Promise<unknown> | undefined;
  const words = outsideWords(primary.sandbox, story);
  const events = await copy(primary, words, ({ event }) => {
    if (event === 'prepared') dropped = primary.query('drop database dropped');
  });
  await dropped;
  expect(load.rounds).toBeGreaterThan(before);
  return { events, rounds: await load.stop() };
}

export async function playStory(sandbox: Sandbox, story: Story): Promise<void> {
  const { major, road, hasSpaces, mode } = story;
  await using pair = await copiedPair(sandbox, {
    ...{ major, road, initdbArgs: initdbArgs(sandbox, story), allow: ['outside'] },
    names: hasSpaces ? ['the primary', 'the standby'] : ['primary', 'standby'],
  });
  const { primary, standby } = pair;
  await fill(primary, story);
  const { events, rounds } = await firstCopy(primary, story);
  expect(eventNames(events)).toEqual(steps);
  expectLayout(standby, story);
  await expectVerified(standby, archiveIn(standby));

  writeToml(standby, `[destination.onwards]\nurl = 'file:${sandbox.directory('onwards')}'\n`);
  giveOwnSettings(standby);
  await configure(standby, '--mode', mode);
  await startFollowing(standby);
  if (story.again === 'standby') await copyAgain(primary, standby, story, rounds);

  const content = await shipAll(primary);
  await waitForContent(standby, lastRow, await contentLine(primary));
  await trigger(standby, 'smart');
  expect(await wholeContent(standby)).toEqual(promoted(content));
  await expectSound(standby);
  if (story.again === 'former primary') await copyBack(standby, primary, story);
}

/** Of what was archived: without the row that was too late. */
const contentLine = (primary: Cluster): Promise<string> =>
  primary.value("select (select count(*) from ledger where n > 0) || ' ' || (select sum(value) from pairs)");

/** The standby, which has run, is copied into once more: what differs there. */
async function copyAgain(primary: Cluster, standby: Cluster, story: Story, rounds: number): Promise<void> {
  await standby.stop();
  await primary.query('drop table grown; create table grown (n int, filler text)');
  await primary.query('vacuum full ledger');
  await using load = await WriteLoad.start(primary, rounds + 10);
  const events = await copy(primary, outsideWords(primary.sandbox, story));
  await load.stop();
  expect(eventNames(events)).toEqual(steps);
  expect(events.at(-1)).toMatchObject({
    outcome: 'copied',
    found: { state: 'data-directory', leftovers: [] },
  });
  expect((events.at(-1)!['copied'] as { removed: number }).removed).toBeGreaterThan(0);
  expectLayout(standby, story);
  await expectVerified(standby, archiveIn(standby));
  await configure(standby, '--mode', story.mode);
  await startFollowing(standby);
}

/** The former primary, with WAL that nobody has taken, becomes the standby of the promoted one. */
async function copyBack(promotedOne: Cluster, former: Cluster, story: Story): Promise<void> {
  const { sandbox } = former;
  await former.finishSegment();
  await waitFor('the former primary to have WAL that nobody takes', () => unarchived(former).length > 0);
  // At once: what it shuts down with, it would try to archive.
  await former.stop('immediate');
  const left = unarchived(former).map((name) => name.replace(/\.ready$/, ''));
  sandbox.directory(`${former.name}/twowarm/archive`);
  writeToml(promotedOne, destinationFor(former));
  const spaces = story.hasTablespace
    ? ['-T', `${sandbox.path}/outside/space of standby=${sandbox.path}/space of primary`]
    : [];
  const events = await copy(promotedOne, spaces);
  expect(eventNames(events)).toEqual([...steps.slice(0, 3), 'quarantined', ...steps.slice(3)]);
  const { files } = events.find(({ event }) => event === 'quarantined') as unknown as { files: string[] };
  // And the segment that it was writing when it died.
  const kept = files.map((path) => path.slice(path.lastIndexOf('/') + 1));
  expect(kept).toEqual(expect.arrayContaining(left));
  expect(kept.length - left.length).toBeLessThanOrEqual(1);
  for (const path of files) expect(existsSync(path)).toBe(true);
  await expectVerified(former, archiveIn(former));
  writeToml(former, `[destination.onwards]\nurl = 'file:${sandbox.directory('back')}'\n`);
  giveOwnSettings(former);
  await configure(former);
  await promotedOne.query("insert into ledger values (-2, 'on the new timeline')");
  const content = await wholeContent(promotedOne);
  await promotedOne.waitUntilArchived(await promotedOne.finishSegment());
  await startFollowing(former);
  await waitForContent(former, 'select text from ledger where n = -2', 'on the new timeline');
  // An unlogged table cannot be read while a server recovers.
  delete content['postgres.unlogged'];
  expect(await wholeContent(former)).toEqual(content);
}
