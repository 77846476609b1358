// The options of twowarm init as answers: each value is checked by the declaration of the key that it is for.
import { describe, expect, it } from 'vitest';
import { answersOfOptions } from '../../../src/cluster/init/answers.ts';
import type { ProgramCall } from '../../../src/program/command.ts';
import { faultOf } from '../../program/fault.ts';

const answersOf = (options: ProgramCall['options']) => answersOfOptions({ options } as ProgramCall);

describe('the options', () => {
  it('become destinations with their policies and data directories, in the order they were given in', () => {
    const found = answersOf({
      destination: ['db2=ssh://db2/a', 'nas=file:/mnt/nas'],
      dr: ['dr=ssh://dr/a'],
      policy: ['nas=fallback', 'dr=required'],
      'pgdata-of': ['db2=/srv/data'],
    });
    expect(found).toEqual({
      destinations: [
        { name: 'db2', url: 'ssh://db2/a', policy: 'required', dataDirectory: '/srv/data' },
        { name: 'nas', url: 'file:/mnt/nas', policy: 'fallback' },
        { name: 'dr', url: 'ssh://dr/a', policy: 'required' },
      ],
    });
  });

  it('leave open what they do not say, which is something else than none', () => {
    expect(answersOf({})).toEqual({});
    expect(answersOf({ destination: ['none'] })).toEqual({ destinations: [] });
  });

  it.each<[string, ProgramCall['options'], string]>([
    ['a URL', { source: ['db2:/x'] }, 'cannot use --source "db2:/x": it cannot be "db2:/x": write file:'],
    [
      'a URL with a password',
      { destination: ['a=ssh://u:secret@h/x'] },
      'cannot use --destination "a=ssh://u:…@h/x": it cannot be "ssh://u:…@h/x": a password has no place in a URL',
    ],
    [
      'NAME=VALUE',
      { dr: ['ssh://dr/x'] },
      'cannot use --dr "ssh://dr/x": it must have a name and "=" before its value, such as db2=…',
    ],
    [
      'a name',
      { dr: ['d r=ssh://dr/x'] },
      'cannot use --dr "d r=ssh://dr/x": it is not a name: use letters, digits, "-" and "_"',
    ],
    [
      'a name for each',
      { dr: ['a=ssh://dr/x'], destination: ['a=ssh://a/x'] },
      'cannot use --destination "a": it is there twice',
    ],
    [
      'a destination of that name',
      { 'pgdata-of': ['a=/x'] },
      'cannot use --pgdata-of "a": it is no destination: name it with --destination or --dr',
    ],
    ['a role', { role: 'second' }, 'cannot use --role "second": it must be one of primary, standby, dr'],
    [
      'a policy',
      { dr: ['a=ssh://dr/x'], policy: ['a=never'] },
      'cannot use --policy "a=never": it must be one of required, fallback, best-effort',
    ],
    ['an absolute path', { 'pg-bindir': 'bin' }, 'cannot use --pg-bindir "bin": it must be an absolute path'],
    ['a text', { name: '' }, 'cannot use --name "": it must not be empty'],
    [
      'an arbiter that can be exclusive',
      { arbiter: 'rsync://h/m/x' },
      'cannot use --arbiter "rsync://h/m/x": it cannot be reached over rsync',
    ],
  ])('that are not %s are refused by their own name', async (_what, options, message) => {
    const { kind, message: said } = await faultOf(() => answersOf(options));
    expect({ kind, said: said.slice(0, message.length) }).toEqual({ kind: 'usage', said: message });
  });

  it('take no password, and repeat none', async () => {
    expect(await faultOf(() => answersOf({ conninfo: 'host=x password=secret' }))).toEqual({
      kind: 'usage',
      message: 'cannot use --conninfo: a password has no place in it',
      hint: "Put it into ~/.pgpass of the server's user.",
    });
  });
});
