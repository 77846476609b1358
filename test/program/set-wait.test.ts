// restore.wait in the text of a configuration: changed on its line or added, and nothing else of the text with it.
import { describe, expect, it } from 'vitest';

import { withWait } from '../../src/program/settings/set-wait.ts';
import { faultOf } from './fault.ts';

const node = "# mine\n[node]\ndata_directory = '/d' # there\n";

describe('restore.wait', () => {
  it.each([
    ['is added with its section', node, `${node}\n[restore]\nwait = 'warm'\n`],
    ['is added to a file without a last line feed', node.trimEnd(), `${node}\n[restore]\nwait = 'warm'\n`],
    [
      'is added to its section',
      `${node} [ restore ] # x\nprune = true\n`,
      `${node} [ restore ] # x\nwait = 'warm'\nprune = true\n`,
    ],
    [
      'is changed on its line',
      `[restore]\n  wait = "off" # why\n${node}`,
      `[restore]\n  wait = 'warm' # why\n${node}`,
    ],
    ['is changed where it has no section', `restore.wait='auto'\n${node}`, `restore.wait='warm'\n${node}`],
    [
      'is no other wait',
      `${node}[destination.wait]\nurl = 'x'\n`,
      `${node}[destination.wait]\nurl = 'x'\n\n[restore]\nwait = 'warm'\n`,
    ],
  ])('%s', (_, before, after) => {
    expect(withWait('/f.toml', before, 'warm')).toBe(after);
  });

  it.each([
    [
      'a table on one line',
      `${node}[x]\n`
        .replace('[x]\n', '')
        .concat('[a]\nb = 1\n')
        .replace('# mine', "restore = { wait = 'off' }"),
    ],
    ['a key with dots', `restore.prune = true\n${node}`],
    ['a text over several lines', `[restore]\nwait = '''\nauto'''\n${node}`],
  ])('is left to a person in %s', async (_, text) => {
    expect(await faultOf(() => withWait('/f.toml', text, 'warm'))).toEqual({
      kind: 'settings',
      message: 'cannot change restore.wait in /f.toml: it is not written on a line of its own',
      hint: "Set it by hand, in the section [restore]: wait = 'warm'",
    });
  });
});
