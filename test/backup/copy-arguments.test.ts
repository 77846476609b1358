// The command lines of copyToStandby and copyToDR that are refused before anything is looked at, and without a server.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandLine, makeNode, refused, type NodeFixture } from '../harness/node-fixture.ts';
import { inTurn } from '../harness/share.ts';

let node: NodeFixture;
beforeAll(async () => {
  node = await makeNode('copy-arguments', {
    directories: ['db2', 'dr', 'twowarm/archive'],
    configuration: (path) =>
      `[destination.db2]\nurl = 'file:${path('db2')}'\ndata_directory = '${path('there')}'\n` +
      `[destination.dr]\nurl = 'file:${path('dr')}'\npolicy = 'best-effort'\n`,
  });
});
afterAll(() => node[Symbol.asyncDispose]());

const refusal = (program: string, message: string, ...more: string[]): string =>
  [`${program}: ERROR:  ${message}`, ...more, ''].join('\n');

const call = (program: string, ...words: string[]) => node.sh(commandLine(program, ...words));

describe.each(['copyToStandby', 'copyToDR'])('%s', (program) => {
  const its = inTurn(2, program === 'copyToStandby' ? 0 : 1);
  const usage = `HINT:  Usage: ${program} [OPTION]... [NAME]; see ${program} --help.`;

  its.each([
    [
      ['--wait', 'soon'],
      '--wait cannot be "soon"',
      `HINT:  Write a number with a unit (ms, s, min, h, d), such as '5s'.`,
    ],
    [
      ['--wait', '0s'],
      '--wait cannot be "0s"',
      `HINT:  Write a number with a unit (ms, s, min, h, d), such as '5s'.`,
    ],
    [['--jobs', '0'], '--jobs cannot be "0"', 'HINT:  Write a number from 1 to 16.'],
    [['-j', '17'], '--jobs cannot be "17"', 'HINT:  Write a number from 1 to 16.'],
    [['-j', '2x'], '--jobs cannot be "2x"', 'HINT:  Write a number from 1 to 16.'],
    [
      ['--manifest-checksums', 'md5'],
      '--manifest-checksums cannot be "md5"',
      'HINT:  Write CRC32C, SHA224, SHA256, SHA384, SHA512, NONE.',
    ],
    [['--checkpoint', 'slow'], '--checkpoint cannot be "slow"', 'HINT:  Write fast or spread.'],
    [['--method', 'rsync'], '--method cannot be "rsync"', 'HINT:  Write twowarm or pg_basebackup.'],
    [['--waldir', 'wal'], '--waldir cannot be "wal"', 'HINT:  Write an absolute directory.'],
  ])('refuses %s', async (words, message, hint) => {
    expect(await call(program, ...words)).toEqual(refused(2, refusal(program, message, hint)));
  });

  its('refuses what is no option, and more than one name', async () => {
    expect(await call(program, '--jbos', '3')).toEqual(
      refused(2, refusal(program, 'unknown option "--jbos"; did you mean "--jobs"?', usage)),
    );
    expect(await call(program, 'db2', 'dr')).toEqual(
      refused(2, refusal(program, 'too many arguments, the first is "dr"', usage)),
    );
  });
});

describe('a node without a running server', () => {
  it('is refused, with what starts it', async () => {
    const data = node.dataDirectory;
    expect(await call('copyToStandby')).toEqual(
      refused(
        50,
        refusal(
          'copyToStandby',
          `the server in ${data} is not running`,
          'DETAIL:  A base backup is made of a running primary.',
          `HINT:  If no other node was promoted in its place, start it: pg_ctl start -D ${data}`,
        ),
      ),
    );
  });

  it('is not asked before it is clear what is meant', async () => {
    expect(await call('copyToDR')).toEqual(
      refused(
        3,
        refusal(
          'copyToDR',
          'the configuration does not say where the data directory of dr is',
          "HINT:  Add data_directory = '/var/lib/postgresql/…' in [destination.dr], or say it with --to.",
        ),
      ),
    );
    expect(await call('copyToStandby', 'db3')).toEqual(
      refused(
        2,
        refusal(
          'copyToStandby',
          'there is no destination "db3"; did you mean "db2"?',
          `DETAIL:  Those in ${node.home}/twowarm.toml are db2, dr.`,
        ),
      ),
    );
  });

  it('gets its fault as an object, too, where it asks for that', async () => {
    const { code, stdout } = await call('copyToStandby', 'db3', '--json');
    expect({ code, answer: JSON.parse(stdout) as unknown }).toEqual({
      code: 2,
      answer: {
        event: 'end',
        outcome: 'failed',
        kind: 'usage',
        message: 'there is no destination "db3"; did you mean "db2"?',
        detail: `Those in ${node.home}/twowarm.toml are db2, dr.`,
        hint: null,
        exitCode: 2,
      },
    });
  });
});
