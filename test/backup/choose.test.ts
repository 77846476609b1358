// Which node copyToStandby and copyToDR mean, and everything that they refuse, before anything is looked at.
import { describe, expect, it } from 'vitest';
import { choose, drKind, standbyKind, type Kind, type Place } from '../../src/backup/choose.ts';
import type { Destination, Settings } from '../../src/program/settings/settings.ts';
import { faultOf } from '../program/fault.ts';

const configurationFile = '/srv/twowarm/twowarm.toml';

const destination = (name: string, changes: Partial<Destination> = {}): Destination => ({
  ...{ name, url: `file:/${name}/archive`, compression: 'none', timeLimitMs: 30_000, mayLack: [] },
  ...{ policy: 'required', standIn: undefined, dataDirectory: `/${name}/data` },
  ...changes,
});
const fallback = (name: string): Destination => destination(name, { policy: 'fallback' });
const without = (name: string): Destination => {
  const all = destination(name);
  delete all.dataDirectory;
  return all;
};

/** As much of the settings as it reads. */
const settingsOf = (...destinations: Destination[]): Settings =>
  ({ destinations, configurationFile }) as unknown as Settings;

const placeOf = (name: string | undefined, to: string | undefined, ...all: Destination[]): Place =>
  choose(standbyKind, name, to, settingsOf(...all)).place;

const refusalOf = (kind: Kind, name: string | undefined, to: string | undefined, ...all: Destination[]) =>
  faultOf(() => choose(kind, name, to, settingsOf(...all)));

describe('without a name', () => {
  it('copyToStandby means the one required destination, copyToDR the one that is not', () => {
    const all = settingsOf(destination('db2'), fallback('dr'));
    expect(choose(standbyKind, undefined, undefined, all).destination.name).toBe('db2');
    expect(choose(drKind, undefined, undefined, all).destination.name).toBe('dr');
    const bestEffort = settingsOf(destination('db2'), destination('dr', { policy: 'best-effort' }));
    expect(choose(drKind, undefined, undefined, bestEffort).destination.name).toBe('dr');
  });

  it('the one is meant of which the data directory is known', () => {
    expect(
      choose(standbyKind, undefined, undefined, settingsOf(without('a'), destination('b'))).destination.name,
    ).toBe('b');
  });

  it.each<[string, Kind, Destination[], string, string | undefined, string]>([
    [
      'several are meant',
      standbyKind,
      [destination('a'), destination('b')],
      'several destinations are required: a, b',
      undefined,
      'Name the one to copy to: copyToStandby a',
    ],
    [
      'none is meant',
      drKind,
      [destination('a')],
      'no destination is a fallback or best-effort',
      `Those in ${configurationFile} are a.`,
      'Name the one to copy to: copyToDR NAME',
    ],
    [
      'there are none',
      standbyKind,
      [],
      'no destination is required',
      `Those in ${configurationFile} are none.`,
      'Add a [destination.<name>] there, with its url and data_directory.',
    ],
  ])('it is refused where %s', async (_, kind, all, message, detail, hint) => {
    expect(await refusalOf(kind, undefined, undefined, ...all)).toEqual({
      kind: 'usage',
      message,
      ...(detail !== undefined && { detail }),
      hint,
    });
  });
});

describe('a name', () => {
  it('counts whatever the policy of its destination', () => {
    const all = settingsOf(destination('db2'), fallback('dr'));
    expect(choose(standbyKind, 'dr', undefined, all).destination.name).toBe('dr');
  });

  it('that no destination has is refused', async () => {
    expect(await refusalOf(standbyKind, 'db3', undefined, destination('db2'), fallback('dr'))).toEqual({
      kind: 'usage',
      message: 'there is no destination "db3"; did you mean "db2"?',
      detail: `Those in ${configurationFile} are db2, dr.`,
    });
    expect(await refusalOf(standbyKind, 'somewhere', undefined)).toEqual({
      kind: 'usage',
      message: 'there is no destination "somewhere"',
      detail: `Those in ${configurationFile} are none.`,
    });
  });
});

describe('the place of the copy', () => {
  it('is the data directory of the configuration, here or over ssh, or another one that is named', () => {
    expect(placeOf(undefined, undefined, destination('db2'))).toEqual({
      kind: 'here',
      directory: '/db2/data',
    });
    const far = destination('db2', { url: 'ssh://postgres@db2:2222/archive' });
    expect(placeOf(undefined, undefined, far)).toMatchObject({
      kind: 'there',
      directory: '/db2/data',
      road: { user: 'postgres', host: 'db2', port: 2222 },
    });
    expect(placeOf(undefined, 'file:/else/data/', far)).toEqual({ kind: 'here', directory: '/else/data' });
    expect(placeOf(undefined, 'ssh://db3/else/data', without('db2'))).toMatchObject({
      kind: 'there',
      directory: '/else/data',
      road: { host: 'db3', user: undefined, port: undefined },
    });
  });

  it('is refused where nothing says it', async () => {
    expect(await refusalOf(standbyKind, undefined, undefined, without('db2'))).toEqual({
      kind: 'settings',
      message: 'the configuration does not say where the data directory of db2 is',
      hint: "Add data_directory = '/var/lib/postgresql/…' in [destination.db2], or say it with --to.",
    });
  });

  it.each(['rsync://db2/module/archive', 'rsync+ssh://db2/archive', 'sftp://db2/archive'])(
    'is refused over %s',
    async (url) => {
      expect(await refusalOf(standbyKind, undefined, undefined, destination('db2', { url }))).toEqual({
        kind: 'usage',
        message: `cannot copy a data directory over ${url}`,
        detail:
          'A base backup goes to a directory of this machine, or over ssh: to twowarm on the other one.',
        hint: 'Say where to: --to ssh://user@host:port/directory',
      });
    },
  );

  it.each([
    'rsync://db2/module',
    'sftp://db2/data',
    '/data',
    'data',
    's3://bucket/data',
    'ssh://db2',
    'file:data',
    '',
  ])('is refused as --to %s', async (to) => {
    expect(await refusalOf(standbyKind, undefined, to, destination('db2'))).toEqual({
      kind: 'usage',
      message: `cannot copy to "${to}"`,
      hint: 'Write file:/directory, or ssh://user@host:port/directory.',
    });
  });
});
