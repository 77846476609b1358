// twowarm conflicts, on archives with something in quarantine and another content of a partial segment.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { commandLine, makeNode, refused, silent, type NodeFixture } from '../harness/node-fixture.ts';
import { inTurn } from '../harness/share.ts';
import { historyText, segmentBytes, segmentNamed } from '../harness/wal-files.ts';

const [four, five, six] = [4, 5, 6].map((number) => segmentNamed(number)) as [string, string, string];
const room = 'quarantine/00000002-1';

const conflicts = (node: NodeFixture, ...words: string[]) =>
  node.sh(commandLine('twowarm', 'conflicts', '-D', node.dataDirectory, ...words));

/** A primary on timeline 2 whose own archive has segments 5 and 6 of timeline 1 in quarantine. */
async function makeScene(): Promise<NodeFixture> {
  const node = await makeNode('conflicts');
  for (const name of [four, five, six]) node.segment(name, {}, 'twowarm/archive');
  for (const directory of ['data/pg_wal', 'twowarm/archive'])
    node.sandbox.file(`${directory}/00000002.history`, historyText());
  const { code, stderr } = await node.sh(
    commandLine('twowarm', 'claim', '-D', node.dataDirectory, `file:${node.path('twowarm/archive')}`),
  );
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return node;
}

const at = (node: NodeFixture): string =>
  (
    JSON.parse(readFileSync(node.path(`twowarm/archive/.twowarm/${room}/why.json`), 'utf8')) as {
      at: string;
      node_name: string;
    }
  ).at;

const nameOf = (node: NodeFixture): string =>
  (JSON.parse(readFileSync(node.path('twowarm/archive/.twowarm/owner'), 'utf8')) as { node_name: string })
    .node_name;

const words = (node: NodeFixture): string =>
  `past 0/500000, where timeline 2 left timeline 1; since ${at(node)}, claimed by ${nameOf(node)}`;

describe('twowarm conflicts', () => {
  it('says that nothing is kept aside', async () => {
    await using node = await makeNode('conflicts');
    const archive = `file:${node.path('db2')}`;
    expect(await conflicts(node, 'list', '--archive', archive)).toEqual({
      ...silent(),
      stdout: 'nothing is kept aside\n',
    });
    const json = await conflicts(node, 'list', '--archive', archive, '--json');
    expect(JSON.parse(json.stdout)).toEqual({ conflicts: [] });
  });

  it('lists what is in quarantine, and other contents of partial segments', async () => {
    await using node = await makeScene();
    const version = `versions/${six}.partial.${'a'.repeat(64)}`;
    node.sandbox.file(`twowarm/archive/.twowarm/${version}`, 'xyz');
    expect(await conflicts(node, 'list')).toEqual({
      ...silent(),
      stdout:
        [five, six].map((name) => `${room}/${name}  1048576 bytes  ${words(node)}\n`).join('') +
        `${version}  3 bytes  another content of ${six}.partial\n`,
    });
    const { stdout } = await conflicts(node, 'list', '--json');
    const { conflicts: found } = JSON.parse(stdout) as { conflicts: object[] };
    expect(found).toMatchObject([
      {
        id: `${room}/${five}`,
        name: five,
        reason: 'past-fork',
        ancestors: [{ timeline: 1, to: '0/500000' }],
      },
      { id: `${room}/${six}`, sizeBytes: 1_048_576, timeline: 2, epoch: 1 },
      { id: version, name: `${six}.partial`, reason: 'version' },
    ]);
  });

  it('shows that there is no counterpart', async () => {
    await using node = await makeScene();
    expect(await conflicts(node, 'show', five)).toEqual({
      ...silent(),
      stdout: `${room}/${five}: ${words(node)}\nThe archive has no counterpart of it: there is no ${node.path(`twowarm/archive/${five}`)}.\n`,
    });
  });

  inTurn(2).each([
    ['in the middle of WAL', 700_000, 'Up to there both are the same WAL.', true],
    ['in the first byte', 0, 'Up to there both are the same WAL.', true],
  ])('shows the byte and the LSN where the two part: %s', async (_, differsAt, said, isWal) => {
    await using node = await makeScene();
    const other = segmentBytes(five);
    other[differsAt]! ^= 0xff;
    node.sandbox.file(`twowarm/archive/${five}`, other);
    const lsn = `0/${(0x50_0000 + differsAt).toString(16).toUpperCase()}`;
    const { code, stdout } = await conflicts(node, 'show', `${room}/${five}`);
    expect(code).toBe(0);
    expect(stdout).toBe(
      `${room}/${five}: ${words(node)}\nIt and the archive's ${five} (1048576 bytes) part at byte ${differsAt}, LSN ${lsn}. ${said}\n`,
    );
    const json = JSON.parse((await conflicts(node, 'show', five, '--json')).stdout) as object;
    expect(json).toMatchObject({ counterpart: 'different', differsAt, lsn, equalIsWal: isWal });
  });

  it('shows where WAL ends before the two part', async () => {
    await using node = await makeScene();
    const kept = segmentBytes(five).fill(0, 3 * 8192);
    writeFileSync(node.path(`twowarm/archive/.twowarm/${room}/${five}`), kept);
    const other = Buffer.from(kept);
    other[900_000] = 1;
    node.sandbox.file(`twowarm/archive/${five}`, other);
    expect((await conflicts(node, 'show', five)).stdout).toContain(
      'part at byte 900000, LSN 0/5DBBA0. Up to there both are the same, but WAL only up to 0/506000.\n',
    );
  });

  it('shows that the two are identical', async () => {
    await using node = await makeScene();
    node.segment(five, {}, 'twowarm/archive');
    expect((await conflicts(node, 'show', five)).stdout).toContain(
      `It is identical with the archive's ${five}.\n`,
    );
  });

  it('does not put back what lies past a fork, unless it is forced to', async () => {
    await using node = await makeScene();
    expect(await conflicts(node, 'accept', five)).toEqual(
      refused(
        44,
        `twowarm conflicts: ERROR:  will not put ${room}/${five} back: it lies past a fork\n` +
          'DETAIL:  Timeline 2 left timeline 1 at 0/500000; a standby could replay what is no part of it.\n' +
          `HINT:  If you want it all the same: twowarm conflicts accept --force ${room}/${five}\n`,
      ),
    );
    const { code, stdout, changed } = await conflicts(node, 'accept', '--force', five);
    expect({ code, stdout }).toEqual({ code: 0, stdout: `put ${room}/${five} back as ${five}\n` });
    expect(changed.filter((change) => !change.includes('/state/')).sort()).toEqual(
      [`created twowarm/archive/${five}`, `removed twowarm/archive/.twowarm/${room}/${five}`].sort(),
    );
    expect(readFileSync(node.path(`twowarm/archive/${five}`)).equals(segmentBytes(five))).toBe(true);
  });

  it('puts back what belongs to the line that counts now', async () => {
    await using node = await makeScene();
    const archive = node.path('twowarm/archive');
    // The archive's line goes on further than when it was claimed: also where its claim has put back nothing itself.
    for (const directory of ['data/pg_wal', 'twowarm/archive'])
      writeFileSync(node.path(`${directory}/00000002.history`), historyText('0/600000'));
    expect((await conflicts(node, 'accept', six)).code).toBe(44);
    expect((await conflicts(node, 'accept', five)).stdout).toBe(`put ${room}/${five} back as ${five}\n`);
    expect(existsSync(`${archive}/${five}`)).toBe(true);
  });

  it('does not put back what is there already, and says how to be rid of it', async () => {
    await using node = await makeScene();
    node.segment(five, {}, 'twowarm/archive');
    expect(await conflicts(node, 'accept', five)).toEqual(
      refused(
        44,
        `twowarm conflicts: ERROR:  need not put ${room}/${five} back: it is identical with the archive's ${five}\n` +
          'DETAIL:  Nothing was changed.\n' +
          `HINT:  To drop the kept one: twowarm conflicts discard ${room}/${five}\n`,
      ),
    );
    // Of the line, were the archive claimed for timeline 1; but the archive has it.
    expect(await conflicts(node, 'discard', `${room}/${five}`)).toMatchObject({ code: 0 });
  });

  it('discards nothing that the line may need, nor anything beside it, unless it is forced to', async () => {
    await using node = await makeScene();
    for (const directory of ['data/pg_wal', 'twowarm/archive'])
      node.sandbox.file(`${directory}/00000002.history`, historyText('0/600000'));
    const refusal = (there: string, first: string) =>
      refused(
        44,
        `twowarm conflicts: ERROR:  will not discard ${room}/${five}: the archive ${there}\n` +
          'DETAIL:  It is, or may be, of the line that the archive is claimed for. Nothing was removed.\n' +
          `HINT:  ${first} To remove it all the same: twowarm conflicts discard --force ${room}/${five}\n`,
      );
    const absent = refusal(`has no ${five}`, `To put it back: twowarm conflicts accept ${room}/${five}.`);
    for (const words of [[`${room}/${five}`], ['--all', '00000002-1'], ['--dry-run', '--all', '00000002-1']])
      expect(await conflicts(node, 'discard', ...words)).toEqual(absent);
    node.segment(five, { content: 0x77 }, 'twowarm/archive');
    expect(await conflicts(node, 'discard', `${room}/${five}`)).toEqual(
      refusal(
        `has another content as ${five}`,
        `twowarm conflicts show ${room}/${five} says where they part.`,
      ),
    );
    node.segment(five, {}, 'twowarm/archive');
    expect(await conflicts(node, 'discard', '--dry-run', '--all', '00000002-1')).toEqual({
      ...silent(),
      stdout: [five, six].map((name) => `would discard ${room}/${name}\n`).join(''),
    });
    expect((await conflicts(node, 'discard', '--all', '00000002-1')).stdout).toBe(
      [five, six].map((name) => `discarded ${room}/${name}\n`).join(''),
    );
  });

  it('is forced to discard what the line may need', async () => {
    await using node = await makeScene();
    for (const directory of ['data/pg_wal', 'twowarm/archive'])
      node.sandbox.file(`${directory}/00000002.history`, historyText('0/600000'));
    expect(await conflicts(node, 'discard', '--force', `${room}/${five}`)).toEqual({
      ...silent([`removed twowarm/archive/.twowarm/${room}/${five}`]),
      stdout: `discarded ${room}/${five}\n`,
    });
  });

  it('says in a dry run what it would put back, and changes nothing', async () => {
    await using node = await makeScene();
    expect(await conflicts(node, 'accept', '--dry-run', '--force', five)).toEqual({
      ...silent(),
      stdout: `would put ${room}/${five} back as ${five}\n`,
    });
    expect((await conflicts(node, 'accept', '--dry-run', five)).code).toBe(44);
  });

  it('never puts a file in the place of another one', async () => {
    await using node = await makeScene();
    node.segment(five, { content: 0x77 }, 'twowarm/archive');
    const outcome = await conflicts(node, 'accept', '--force', five);
    expect(outcome).toEqual(
      refused(
        44,
        `twowarm conflicts: ERROR:  cannot put ${room}/${five} back: the archive has another ${five}\n` +
          'DETAIL:  Neither was touched.\n' +
          `HINT:  twowarm conflicts show ${room}/${five} says where they part. To drop the kept one: twowarm conflicts discard ${room}/${five}\n`,
      ),
    );
  });

  it('says so where the archive has the very same file, and offers to drop the kept one', async () => {
    await using node = await makeScene();
    node.segment(five, {}, 'twowarm/archive');
    expect(await conflicts(node, 'accept', '--force', five)).toEqual(
      refused(
        44,
        `twowarm conflicts: ERROR:  need not put ${room}/${five} back: it is identical with the archive's ${five}\n` +
          'DETAIL:  Nothing was changed.\n' +
          `HINT:  To drop the kept one: twowarm conflicts discard ${room}/${five}\n`,
      ),
    );
  });

  it('discards one by its whole name only, and a directory only with --all', async () => {
    await using node = await makeScene();
    for (const word of [five, '00000002-1', '../../../data', `${room}/../owner`, '']) {
      const { code, changed } = await conflicts(node, 'discard', word);
      expect([word, code, changed]).toEqual([word, word === '' ? 2 : 44, []]);
    }
    expect(await conflicts(node, 'discard', `${room}/${five}`)).toEqual({
      ...silent([`removed twowarm/archive/.twowarm/${room}/${five}`]),
      stdout: `discarded ${room}/${five}\n`,
    });
    expect(await conflicts(node, 'discard', '--all', '00000002-1')).toEqual({
      ...silent([`removed twowarm/archive/.twowarm/${room}/${six}`]),
      stdout: `discarded ${room}/${six}\n`,
    });
    expect(readdirSync(node.path(`twowarm/archive/.twowarm/${room}`))).toEqual(['why.json']);
    expect(existsSync(node.path(`twowarm/archive/${four}`))).toBe(true);
  });

  inTurn(2).each([
    [['list'], 'ssh://db2/archive', 'On db2, in the data directory of its node: twowarm conflicts list'],
    [
      ['discard', room, '--all'],
      'ssh://postgres@db2:2222/archive',
      `On db2, as postgres, in the data directory of its node: twowarm conflicts discard ${room} --all`,
    ],
  ])('says what to run on the machine of an archive that is elsewhere: %j', async (words, url, there) => {
    await using node = await makeScene();
    expect(await conflicts(node, ...words, '--archive', url)).toEqual(
      refused(
        2,
        `twowarm conflicts: ERROR:  cannot do this from here: ${url} is on another machine\n` +
          'DETAIL:  Over ssh an archive only takes files: nothing there is put back or removed by a key.\n' +
          `HINT:  ${there} --archive file:/archive\n`,
      ),
    );
  });

  it('works at no archive of another cluster', async () => {
    await using node = await makeScene();
    const path = node.path('twowarm/archive/.twowarm/owner');
    const text = readFileSync(path, 'utf8');
    writeFileSync(path, text.replace(/"system_identifier":"\d+"/, '"system_identifier":"1"'));
    expect((await conflicts(node, 'list')).code).toBe(13);
  });
});

/** The same scene in an archive that holds segments compressed only. */
async function makeCompressedScene(): Promise<NodeFixture> {
  const node = await makeNode('conflicts-zstd');
  for (const name of [four, five, six])
    node.sandbox.file(`twowarm/archive/${name}.zst`, zstdCompressSync(segmentBytes(name)));
  for (const directory of ['data/pg_wal', 'twowarm/archive'])
    node.sandbox.file(`${directory}/00000002.history`, historyText());
  const { code, stdout } = await node.sh(
    commandLine('twowarm', 'claim', '-D', node.dataDirectory, `file:${node.path('twowarm/archive')}`),
  );
  expect(code).toBe(0);
  expect(stdout).toContain(
    `in quarantine there, past the forks of timeline 2: ${five} to ${six}, files: 2\n`,
  );
  return node;
}

describe('twowarm conflicts, of compressed segments', () => {
  it('lists them, and shows that there is no counterpart in either form', async () => {
    await using node = await makeCompressedScene();
    const { stdout } = await conflicts(node, 'list');
    expect(stdout).toMatch(new RegExp(`^${room}/${five}\\.zst {2}\\d+ bytes {2}${words(node)}\n`));
    expect(await conflicts(node, 'show', five)).toEqual({
      ...silent(),
      stdout: `${room}/${five}.zst: ${words(node)}\nThe archive has no counterpart of it: there is no ${node.path(`twowarm/archive/${five}`)}.\n`,
    });
  });

  inTurn(2).each([
    ['plain', (bytes: Buffer): Uint8Array => bytes, ''],
    ['compressed', (bytes: Buffer): Uint8Array => zstdCompressSync(bytes), '.zst'],
  ])('shows where what they hold parts from a %s file', async (_, stored, suffix) => {
    await using node = await makeCompressedScene();
    const other = segmentBytes(five);
    const path = `twowarm/archive/${five}${suffix}`;
    node.sandbox.file(path, stored(other));
    expect((await conflicts(node, 'show', five)).stdout).toContain(
      `It is identical with the archive's ${five}${suffix}.\n`,
    );
    other[700_000]! ^= 0xff;
    node.sandbox.file(path, stored(other));
    expect((await conflicts(node, 'show', `${five}.zst`)).stdout).toContain(
      `It and the archive's ${five}${suffix} (1048576 bytes) part at byte 700000, LSN 0/5AAE60. Up to there both are the same WAL.\n`,
    );
  });

  it('does not put back what lies past a fork, nor beside the other form of its name', async () => {
    await using node = await makeCompressedScene();
    expect((await conflicts(node, 'accept', five)).stderr).toContain(
      `will not put ${room}/${five}.zst back: it lies past a fork\nDETAIL:  Timeline 2 left timeline 1 at 0/500000;`,
    );
    node.segment(five, {}, 'twowarm/archive');
    const { code, stderr } = await conflicts(node, 'accept', '--force', five);
    expect(code).toBe(44);
    expect(stderr).toContain(
      `need not put ${room}/${five}.zst back: it is identical with the archive's ${five}\n`,
    );
    const other = segmentBytes(five);
    other[0x8000]! ^= 0xff;
    node.sandbox.file(`twowarm/archive/${five}`, other);
    const again = await conflicts(node, 'accept', '--force', five);
    expect(again.code).toBe(44);
    expect(again.stderr).toContain(`cannot put ${room}/${five}.zst back: the archive has another ${five}\n`);
    expect(readdirSync(node.path('twowarm/archive')).filter((name) => name.startsWith(five))).toEqual([five]);
  });

  it('puts one back in its form, and discards one', async () => {
    await using node = await makeCompressedScene();
    expect((await conflicts(node, 'accept', '--force', five)).stdout).toBe(
      `put ${room}/${five}.zst back as ${five}.zst\n`,
    );
    const back = readFileSync(node.path(`twowarm/archive/${five}.zst`));
    expect(zstdDecompressSync(back).equals(segmentBytes(five))).toBe(true);
    expect((await conflicts(node, 'discard', `${room}/${six}.zst`)).stdout).toBe(
      `discarded ${room}/${six}.zst\n`,
    );
    expect(readdirSync(node.path(`twowarm/archive/.twowarm/${room}`))).toEqual(['why.json']);
  });

  it('says that one cannot be decoded', async () => {
    await using node = await makeCompressedScene();
    writeFileSync(node.path(`twowarm/archive/.twowarm/${room}/${five}.zst`), 'no zstd at all');
    node.segment(five, {}, 'twowarm/archive');
    const { code, stderr } = await conflicts(node, 'show', five);
    expect(code).not.toBe(0);
    expect(stderr).toContain(`${room}/${five}.zst is damaged: `);
  });
});
