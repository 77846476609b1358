// twowarm itself: its list of commands, and what it says of the ones it does not have.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { installation } from '../harness/installation.ts';
import { commandLine, makeNode, refused, silent, type NodeFixture } from '../harness/node-fixture.ts';
import { inTurn } from '../harness/share.ts';
import { segmentNamed } from '../harness/wal-files.ts';

let node: NodeFixture;
beforeAll(async () => {
  node = await makeNode('bin-twowarm');
});
afterAll(() => node[Symbol.asyncDispose]());

const twowarm = (...words: string[]) => node.sh(commandLine('twowarm', ...words));
const hint = 'HINT:  twowarm --help lists the commands.\n';

describe('twowarm', () => {
  inTurn(2).each([[], ['--help'], ['-h'], ['-?'], ['help']].map((words) => [words]))(
    'lists the commands: %j',
    async (words) => {
      const stdout = `Usage: twowarm COMMAND [OPTION]... [ARGUMENT]...

Ships PostgreSQL's write-ahead log to a standby and brings it back.

Commands:
  archiveWALFile  Stores one finished WAL file durably at every destination; called by archive_command.
  restoreWALFile  Brings one requested WAL file back from the first source that has it; called by restore_command.
  pg_standby      Waits for a WAL file to arrive in a directory and restores it; a drop-in for the pg_standby of PostgreSQL and of 2warm.
  init            Makes the home and the configuration of a node, and shows the lines for everything else.
  copyToStandby   Copies this running primary into the data directory of its standby, whole, or only what differs there.
  copyToDR        Copies this running primary into the data directory of the disaster-recovery node, whole, or only what differs there.
  configStandby   Makes a base backup, or a stopped standby, a standby that restores with twowarm; shows each change first.
  check           Tests the whole chain: configuration, server, every road; with --full a segment on its way.
  configSetup     Prints the settings in force and where each came from.
  triggerStandby  Promotes this standby to primary and waits until it accepts writes.
  receive         Receives files of another node, into an archive or a data directory of this machine; started by sshd.
  archiving       Shows or sets whether this node archives: on, hold or discard.
  claim           Makes archives the property of this primary: from then on no other node can store files there.
  conflicts       Lists, compares, puts back or removes what an archive keeps aside: segments past a fork, other partials.
  consumers       Shows who still needs what of the archives of this node, or removes a reader that is gone for good.
  destination     Shows how each destination stands; suspends one that is gone, and resumes it.
  relay           Stays, and carries what arrives in this archive, and what a destination is owed, onwards to every destination at once; for systemd.
  distrib2warm    Copies this installation to the other nodes, has it run there, and switches them to it.
  rsyncDR         Carries what has arrived in this archive, and what a destination is owed, onwards to every destination, once; for cron.
  prune           Removes the segments before a restart point that no registered reader needs from the directories among restore.sources, on its timeline and the ancestors of that; called by archive_cleanup_command.

twowarm COMMAND --help says more.

EXIT STATUS
  that of the command; 2 for an unknown one
`;
      expect(await twowarm(...words)).toEqual({ ...silent(), stdout });
    },
  );

  inTurn(2).each(['--version', '-V'])('%s says the version', async (option) => {
    const manifest = JSON.parse(readFileSync(join(installation(), 'package.json'), 'utf8')) as {
      version: string;
    };
    expect(await twowarm(option)).toEqual({ ...silent(), stdout: `twowarm ${manifest.version}\n` });
  });

  inTurn(2).each([
    ['archivWALFile', '; did you mean "archiveWALFile"?'],
    ['restorewalfile', '; did you mean "restoreWALFile"?'],
    ['configsetup', '; did you mean "configSetup"?'],
    ['archving', '; did you mean "archiving"?'],
    ['frobnicate', ''],
    ['constructor', ''],
    ['a\nb', ''],
  ])('refuses %j', async (word, suggestion) => {
    const shown = word.replace('\n', '\\x0a');
    const message = `twowarm: ERROR:  unknown command "${shown}"${suggestion}\n${hint}`;
    expect(await twowarm(word)).toEqual(refused(2, message));
  });

  inTurn(2).each(['--frobnicate', '-x'])('refuses the option %s', async (word) => {
    const message = `twowarm: ERROR:  unknown option "${word}"\nHINT:  Options come after the command: twowarm COMMAND [OPTION]...\n`;
    expect(await twowarm(word)).toEqual(refused(2, message));
  });

  inTurn(2).each(['flushPrimary'])('names %s, which is not built', async (word) => {
    const message = `twowarm: ERROR:  the command ${word} is not built yet\n`;
    expect(await twowarm(word)).toEqual(refused(4, message));
  });

  it('runs a program under its own name', async () => {
    const name = node.segment(segmentNamed(0x21));
    expect(await twowarm('archiveWALFile', `pg_wal/${name}`, name)).toEqual(silent([`created db2/${name}`]));
    const { stdout } = await twowarm('archiveWALFile', '--help');
    expect(stdout.split('\n')[0]).toMatch(/^Usage: .*archiveWALFile \[OPTION\]\.\.\. %p %f$/);
  });

  it('keeps restoreWALFile’s codes', async () => {
    node.mode('recovery');
    const { code } = await twowarm('restoreWALFile', 'x', 'y');
    node.mode('none');
    expect(code).toBe(200);
  });
});
