import { mkdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findPlace, homeBeside, requireHome, type Call } from '../../src/program/home.ts';
import { configuredNode } from './configured-node.ts';
import { faultOf } from './fault.ts';

describe('the home of a call', () => {
  it('is beside the data directory that it runs in', async () => {
    await using node = configuredNode();
    expect(findPlace(node.call)).toEqual({
      dataDirectory: node.dataDirectory,
      home: node.home,
      configurationFile: node.file,
      homeOrigin: 'default',
    });
  });

  it('is the one with the name of the data directory where there is one', async () => {
    await using node = configuredNode();
    const own = node.sandbox.directory('twowarm-data');
    node.sandbox.directory('twowarm-other');
    node.sandbox.file('twowarm-data/twowarm.toml', '');
    expect(homeBeside(node.dataDirectory)).toBe(own);
    expect(findPlace(node.call)).toMatchObject({ home: own, configurationFile: `${own}/twowarm.toml` });
  });

  it('belongs to the real path of the data directory, not to a link', async () => {
    await using node = configuredNode();
    const link = join(node.sandbox.directory('elsewhere'), 'link');
    symlinkSync(node.dataDirectory, link);
    expect(findPlace({ ...node.call, workingDirectory: link })).toMatchObject({
      dataDirectory: node.dataDirectory,
      home: node.home,
    });
  });

  it('is TWOWARM_HOME before all', async () => {
    await using node = configuredNode();
    node.sandbox.directory('twowarm-data');
    const named = node.sandbox.directory('named');
    const file = node.sandbox.file('named/twowarm.toml', '');
    const call = { ...node.call, environment: { TWOWARM_HOME: named } };
    expect(findPlace(call)).toMatchObject({
      home: named,
      configurationFile: file,
      homeOrigin: 'TWOWARM_HOME',
    });
  });

  it('is not an empty TWOWARM_HOME', async () => {
    await using node = configuredNode();
    const environment = { TWOWARM_HOME: '', TWOWARM_CONFIG: '' };
    expect(findPlace({ ...node.call, environment })).toMatchObject({
      home: node.home,
      homeOrigin: 'default',
    });
  });

  it('cannot be a relative TWOWARM_HOME', async () => {
    await using node = configuredNode();
    const call = { ...node.call, environment: { TWOWARM_HOME: '../twowarm' } };
    expect(await faultOf(() => findPlace(call))).toEqual({
      kind: 'settings',
      message: 'TWOWARM_HOME must be an absolute path, but is "../twowarm"',
    });
  });

  it('must be a directory', async () => {
    await using node = configuredNode();
    requireHome(node.home);
    for (const home of [`${node.sandbox.path}/missing`, node.file]) {
      expect(await faultOf(() => requireHome(home))).toEqual({
        kind: 'directory-missing',
        message: `twowarm's home ${home} does not exist`,
        hint: `Create it as the owner of the data directory: mkdir -m 700 ${home}`,
      });
    }
  });
});

describe('the configuration of a call', () => {
  const environmentOf = (config: string): Call['environment'] => ({ TWOWARM_CONFIG: config });

  it('is --config before TWOWARM_CONFIG before the home', async () => {
    await using node = configuredNode();
    const [option, variable] = ['a.toml', 'b.toml'].map((name) => node.sandbox.file(name, ''));
    const call = { ...node.call, environment: environmentOf(variable!) };
    expect(findPlace(call).configurationFile).toBe(variable);
    expect(findPlace({ ...call, configOption: option }).configurationFile).toBe(option);
    expect(findPlace({ ...call, configOption: option }).home).toBe(node.home);
  });

  it('is named relative to the working directory', async () => {
    await using node = configuredNode();
    expect(findPlace({ ...node.call, configOption: '../x.toml' }).configurationFile).toBe(
      `${node.sandbox.path}/x.toml`,
    );
  });

  it('must be somewhere: both places are named', async () => {
    await using node = configuredNode();
    rmSync(node.file);
    expect(await faultOf(() => findPlace(node.call))).toEqual({
      kind: 'settings',
      message: `could not find the configuration: there is no ${node.file} and no /etc/twowarm/twowarm.toml`,
      hint: `Create it from ${join(import.meta.dirname, '..', '..', 'conf-templates', 'twowarm.toml')}, or name it with --config or TWOWARM_CONFIG.`,
    });
  });

  it('cannot be found from nowhere', async () => {
    await using node = configuredNode();
    const call = { environment: {}, workingDirectory: node.sandbox.path };
    expect(await faultOf(() => findPlace(call))).toEqual({
      kind: 'settings',
      message: 'could not find the configuration: there is no /etc/twowarm/twowarm.toml',
      hint: 'Run this in the data directory, or name that with -D, or name the configuration with --config.',
    });
  });
});

describe('the data directory of a call', () => {
  it('is --pgdata before the working directory before PGDATA', async () => {
    await using node = configuredNode();
    const make = (name: string): string => {
      node.sandbox.file(`${name}/PG_VERSION`, '15\n');
      return `${node.sandbox.path}/${name}`;
    };
    const [option, variable] = [make('option'), make('variable')];
    const call: Call = { environment: { PGDATA: variable }, workingDirectory: node.sandbox.path };
    expect(findPlace(call).dataDirectory).toBe(variable);
    expect(findPlace({ ...call, workingDirectory: node.dataDirectory }).dataDirectory).toBe(
      node.dataDirectory,
    );
    const both = { ...call, workingDirectory: node.dataDirectory, dataDirectoryOption: '../option' };
    expect(findPlace(both).dataDirectory).toBe(option);
  });

  it('is not guessed where --pgdata names none', async () => {
    await using node = configuredNode();
    mkdirSync(`${node.sandbox.path}/empty`);
    expect(await faultOf(() => findPlace({ ...node.call, dataDirectoryOption: '../empty' }))).toEqual({
      kind: 'data-directory',
      message: '"../empty" is not a data directory of PostgreSQL',
      detail: 'It has no file PG_VERSION.',
    });
  });

  it('is none where nothing looks like one', async () => {
    await using node = configuredNode();
    renameSync(`${node.dataDirectory}/PG_VERSION`, `${node.dataDirectory}/PG_VERSION.old`);
    const call = { ...node.call, environment: { PGDATA: node.dataDirectory }, configOption: node.file };
    expect(findPlace(call)).toMatchObject({ dataDirectory: undefined, home: undefined });
  });
});
