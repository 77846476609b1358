// rsync in a configuration: what its URLs say, and where a road that cannot keep its promises is refused, with file and line.
import { describe, expect, it } from 'vitest';
import { readRsyncUrl } from '../../src/program/rsync-url.ts';
import { configuredNode } from './configured-node.ts';
import { faultOf } from './fault.ts';

const smallest = "[node]\ndata_directory = 'DATA'\n";
const both = "accept = ['not-exclusive', 'not-durable']\n";
const dr = (rest = ''): string => `${smallest}[destination.dr]\nurl = 'rsync://db3/archive/main'\n${rest}`;

describe('an rsync URL', () => {
  it.each([
    ['rsync://db2/m', { host: 'db2', path: '/m' }],
    ['RSYNC://joe@DB2:8730/m/a b/', { user: 'joe', host: 'db2', port: 8730, path: '/m/a b' }],
    ['rsync://[fe80::1]/m/x', { host: 'fe80::1', path: '/m/x' }],
    ['rsync://[::1]:8730/m', { host: '::1', port: 8730, path: '/m' }],
    ['rsync+ssh://Db2.Example/a', { scheme: 'rsync+ssh', host: 'Db2.Example', path: '/a' }],
    ['rsync+ssh://db2/a/b', { scheme: 'rsync+ssh', host: 'db2', path: '/a/b' }],
    [
      "rsync+ssh://post%40gres@db2:22/it's $HOME;",
      { scheme: 'rsync+ssh', user: 'post@gres', host: 'db2', port: 22, path: "/it's $HOME;" },
    ],
  ])('%s is understood', (url, place) => {
    expect(readRsyncUrl(url)).toEqual({ scheme: 'rsync', user: undefined, port: undefined, ...place });
  });

  const daemon = 'such as rsync://db2/archive/main, where archive is a module of rsyncd.conf';
  const ssh = 'such as rsync+ssh://postgres@db2/var/lib/postgresql/15/twowarm/archive';
  const patterns = 'the directory must be without * ? [ ] { } and \\, which rsync takes for patterns';
  const written =
    'the directory must be absolute, without "?", "#", control characters and the parts "." and ".."';
  it.each([
    ['rsync://db2', `write rsync://user@host:port/module/path, ${daemon}`],
    ['rsync://db2/', `write rsync://user@host:port/module/path, ${daemon}`],
    ['rsync+ssh:/a', `write rsync+ssh://user@host:port/directory, ${ssh}`],
    [
      'rsync+ssh://-oProxyCommand=x/a',
      `the host is not a name or an address: IPv6 stands in brackets, ${ssh}`,
    ],
    ['rsync+ssh://-l@db2/a', `the user is not a name: write @ in it as %40 and % as %25, ${ssh}`],
    ['rsync://a%40b@db2/m', `the user is not a name, ${daemon}`],
    ['rsync://db2/-module', `a module begins with a letter, a digit or "_", ${daemon}`],
    ['rsync://db2/m/*', `${patterns}, ${daemon}`],
    ['rsync+ssh://db2/a[1]', `${patterns}, ${ssh}`],
    ['rsync+ssh://db2/a\\b', `${patterns}, ${ssh}`],
    ['rsync://db2/m/../x', `${written}, ${daemon}`],
    ['rsync://db2::m/x', `the port must be a number from 1 to 65535, ${daemon}`],
    [
      'rsync://u:pw@db2/m',
      `a password has no place in a URL: name its file in rsync.password_file, ${daemon}`,
    ],
    ['rsync+ssh://u:p/w@db2/m', `a password has no place in a URL: log in with a key, ${ssh}`],
  ])('%s is refused with its cure', async (url, cure) => {
    expect(readRsyncUrl(url)).toEqual({ kind: 'unusable', cure });
    await using node = configuredNode(
      `${smallest}[restore]\nsources = ['file:/a', ${JSON.stringify(url)}]\n`,
    );
    const shown = url.replace(/u:.*@/, 'u:…@');
    expect(await faultOf(node.read)).toEqual({
      kind: 'settings',
      message: `cannot use the configuration ${node.file}: line 4: "restore.sources.1" cannot be "${shown}": ${cure}`,
    });
  });
});

describe('a destination over rsync', () => {
  const exclusive = "not-exclusive: two writers of one name at the same time may replace each other's file";
  const durable = 'not-durable: a file that counts as stored may be lost in a power failure of the far side';
  const otherwise =
    "to do without, write accept = ['not-exclusive', 'not-durable'] in [destination.dr], or policy = 'best-effort'";
  it.each([
    [
      'required',
      dr(),
      `is required: the road there is not-exclusive and not-durable (${exclusive}. ${durable})`,
    ],
    [
      'required, with one lack accepted',
      dr("accept = ['not-exclusive']\n"),
      `is required: the road there is not-durable (${durable})`,
    ],
    [
      'a fallback without a copy here',
      `${dr("policy = 'fallback'\nfor = ['db2']\nhold = false\n")}[destination.db2]\nurl = 'file:/mnt/db2'\n`,
      `stands in alone: the road there is not-exclusive and not-durable (${exclusive}. ${durable})`,
    ],
  ])('that is %s is refused before anybody connects', async (_, toml, words) => {
    await using node = configuredNode(toml);
    expect(await faultOf(node.read)).toEqual({
      kind: 'settings',
      message: `cannot use the configuration ${node.file}: line 4: "destination.dr.url" cannot be relied on, and the destination ${words}; ${otherwise}`,
    });
  });

  it.each([
    ['required and accepted by name', dr(both)],
    [
      'best-effort beside another',
      `${dr("policy = 'best-effort'\n")}[destination.db2]\nurl = 'file:/mnt/db2'\n`,
    ],
    [
      'a fallback beside which a copy is kept',
      `${dr("policy = 'fallback'\nfor = ['db2']\n")}[destination.db2]\nurl = 'file:/mnt/db2'\n`,
    ],
  ])('that is %s is taken', async (_, toml) => {
    await using node = configuredNode(toml);
    const found = node.read().settings.destinations.find(({ name }) => name === 'dr');
    expect(found?.mayLack).toEqual(['not-exclusive', 'not-durable']);
  });

  it('shows with its line what was accepted', async () => {
    await using node = configuredNode(dr(both));
    expect(node.read().inForce).toContainEqual({
      key: 'destination.dr.accept',
      value: ['not-exclusive', 'not-durable'],
      origin: `${node.file}:5`,
    });
  });

  it('is refused as the arbiter, also where all is accepted', async () => {
    await using node = configuredNode(`${smallest}[cluster]\narbiter = 'rsync+ssh://db3/a'\n`);
    expect(await faultOf(node.read)).toEqual({
      kind: 'settings',
      message: `cannot use the configuration ${node.file}: line 4: "cluster.arbiter" cannot be reached over rsync: a reservation must be exclusive; write file: on its machine, or ssh:, which needs twowarm there`,
    });
  });

  it('is not stored at twice, by whatever road', async () => {
    const one = `${smallest}[destination.dr]\nurl = 'rsync+ssh://Db3/a'\n${both}`;
    await using node = configuredNode(`${one}[destination.db3]\nurl = 'ssh://postgres@DB3/a'\n`);
    expect((await faultOf(node.read)).message).toBe(
      `cannot use the configuration ${node.file}: line 7: "destination.db3.url" is the same place as "destination.dr.url"`,
    );
  });
});
