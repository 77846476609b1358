// How the clusters of a machine are found, and how their servers are started: by Debian's layout, by that of the RPM packages,
// by what runs. The roots are directories of a sandbox.
import { chmodSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandsFor, programsOf, type Machine } from '../../../src/cluster/init/init-system.ts';
import type { Roots } from '../../../src/cluster/init/layouts.ts';
import { describeCluster, findClusters, type LocalCluster } from '../../../src/cluster/init/local-cluster.ts';
import { makeSandbox, type Sandbox } from '../../harness/sandbox.ts';
import { runsAsRoot } from '../../harness/server-user.ts';
import { putCluster } from './fresh.ts';

let sandbox: Sandbox;
let roots: Roots;
let machine: Machine;

beforeAll(() => {
  sandbox = makeSandbox('layouts');
  const path = (name: string): string => sandbox.directory(name);
  roots = {
    debian: path('etc'),
    debianData: path('lib'),
    redHat: path('pgsql'),
    processes: path('proc'),
  };
  machine = {
    pgCtlCluster: join(sandbox.path, 'pg_ctlcluster'),
    units: [path('units')],
    programs: (version) => [join(sandbox.path, `programs-${version}`)],
    redHat: roots.redHat,
    processes: roots.processes,
  };
  putCluster(sandbox, 'lib/15/main');
  sandbox.file('etc/15/main/postgresql.conf', 'port = 5433\n');
  putCluster(sandbox, 'srv/second', 'port = 1\n');
  sandbox.file('srv/second/standby.signal', '');
  sandbox.file(
    'etc/15/second/postgresql.conf',
    `data_directory = '${sandbox.path}/srv/second'  # elsewhere\nport = 2\n`,
  );
  sandbox.file('etc/16/gone/postgresql.conf', '');
  sandbox.file('etc/16/nothing/start.conf', 'auto\n');
  putCluster(sandbox, 'pgsql/14/data', 'port = 5434\n');
  sandbox.directory('pgsql/data');
  sandbox.file('pgsql/initdb.log', '');
  putCluster(sandbox, 'srv/runs');
  sandbox.file('srv/runs/postmaster.pid', '4711\n');
  sandbox.file('proc/4711/comm', 'postgres\n');
  symlinkSync(join(sandbox.path, 'srv/runs'), join(sandbox.path, 'proc/4711/cwd'));
  // A backend of the same server, and something else that works there.
  for (const [pid, comm] of [
    ['4712', 'postgres'],
    ['4713', 'bash'],
  ] as const) {
    sandbox.file(`proc/${pid}/comm`, `${comm}\n`);
    symlinkSync(join(sandbox.path, 'srv/runs'), join(sandbox.path, `proc/${pid}/cwd`));
  }
  symlinkSync(join(sandbox.path, 'pgsql/14/data'), join(sandbox.path, 'srv/link'));
});
afterAll(() => sandbox.dispose());

const shown = ({ dataDirectory, by }: LocalCluster, words: string): string =>
  `${dataDirectory} | ${by.join(', ')} | ${words}`.replaceAll(sandbox.path, '<>');
const all = (): LocalCluster[] => findClusters(roots);
const one = (name: string): LocalCluster =>
  all().find(({ dataDirectory }) => dataDirectory === join(sandbox.path, name))!;

describe('the clusters of a machine', () => {
  it('are found by every layout and by their servers, each once, with version, port and role', () => {
    expect(all().map((each) => shown(each, describeCluster(each)))).toEqual([
      '<>/lib/15/main | <>/etc/15/main | 15/main, PostgreSQL 15, port 5433, not running, primary',
      '<>/srv/second | <>/etc/15/second | 15/second, PostgreSQL 15, port 2, not running, standby',
      '<>/lib/16/gone | <>/etc/16/gone | 16/gone, no data yet',
      '<>/pgsql/data | <>/pgsql/data | no data yet',
      '<>/pgsql/14/data | <>/pgsql/14/data | PostgreSQL 15, port 5434, not running, primary',
      '<>/srv/runs | the server that runs there | PostgreSQL 15, port 5432, not running, primary',
    ]);
  });

  it('are the same ones by whatever path somebody names them', () => {
    const named = [{ dataDirectory: join(sandbox.path, 'srv/link'), by: '-D' }];
    const found = findClusters(roots, named);
    expect(found.length).toBe(6);
    expect(shown(found[0]!, '')).toBe('<>/pgsql/14/data | -D, <>/pgsql/14/data | ');
  });

  it('that somebody else has closed are told as such', () => {
    const closed = putCluster(sandbox, 'pgsql/13/data');
    chmodSync(closed, 0);
    const cluster = one('pgsql/13/data');
    chmodSync(closed, 0o700);
    // Nothing is closed to root.
    expect(describeCluster(cluster)).toBe(
      runsAsRoot() ? 'PostgreSQL 15, port 5432, not running, primary' : 'not to be seen by this user',
    );
  });
});

describe('the commands of the server', () => {
  it('are those of postgresql-common where it is there', () => {
    expect(commandsFor(one('lib/15/main'), 'postgres', machine)).toBeUndefined();
    sandbox.file('pg_ctlcluster', '', 0o755);
    expect(commandsFor(one('lib/15/main'), 'postgres', machine)).toEqual({
      start: 'pg_ctlcluster 15 main start',
      stop: 'pg_ctlcluster 15 main stop --mode fast',
      reload: 'pg_ctlcluster 15 main reload',
      sudoers: [],
    });
    expect(commandsFor(one('pgsql/14/data'), 'postgres', machine)).toBeUndefined();
  });

  it('are those of a unit of systemd, by the layout or by the control group, with the line that allows them', () => {
    sandbox.file('units/postgresql-14.service', '');
    expect(commandsFor(one('pgsql/14/data'), 'postgres', machine)).toEqual({
      start: 'sudo -n systemctl start postgresql-14',
      stop: 'sudo -n systemctl stop postgresql-14',
      reload: 'sudo -n systemctl reload postgresql-14',
      sudoers: [
        'postgres ALL=(root) NOPASSWD: /usr/bin/systemctl start postgresql-14, /usr/bin/systemctl stop postgresql-14, /usr/bin/systemctl reload postgresql-14',
      ],
    });
    sandbox.file('proc/4711/cgroup', '0::/system.slice/system-postgresql.slice/postgresql@15-main.service\n');
    const running = { ...one('srv/runs'), pid: 4711 };
    expect(commandsFor(running, 'pg', machine)?.start).toBe('sudo -n systemctl start postgresql@15-main');
    sandbox.file('proc/4711/cgroup', '0::/user.slice/user-0.slice/session-1.scope\n');
    expect(commandsFor(running, 'pg', machine)).toBeUndefined();
  });

  it('come from the directory of the running program, else from that of the version', () => {
    expect(programsOf(one('lib/15/main'), machine)).toBeUndefined();
    sandbox.file('programs-15/pg_ctl', '', 0o755);
    expect(programsOf(one('lib/15/main'), machine)).toBe(join(sandbox.path, 'programs-15'));
    symlinkSync('/opt/pg/bin/postgres', join(sandbox.path, 'proc/4711/exe'));
    expect(programsOf({ ...one('srv/runs'), pid: 4711 }, machine)).toBe('/opt/pg/bin');
    sandbox.file('programs-16/pg_ctl', '', 0o755);
    expect(programsOf(one('lib/16/gone'), machine)).toBe(join(sandbox.path, 'programs-16'));
  });
});
