// twowarm init as root on a machine with packaged clusters, Debian's layout and that of the RPM packages: a copy of this machine
// in a namespace of its own, so that clusters can be where packages put them, and keys where the server's user has them.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { installation, program } from '../../harness/installation.ts';
import { findPostgres } from '../../harness/postgres-binaries.ts';
import { makeSandbox, type Sandbox } from '../../harness/sandbox.ts';
import { serverUser } from '../../harness/server-user.ts';
import { startThrowawayMachine, type ThrowawayMachine } from '../../harness/throwaway-machine.ts';

let sandbox: Sandbox;
let machine: ThrowawayMachine;
const { bindir } = findPostgres(15);
const { name: user, home } = serverUser();
const debian = '/var/lib/postgresql/15/walk';
const redHat = '/var/lib/pgsql/15/data';

async function root(line: string): Promise<string> {
  const { code, stdout, stderr } = await machine.root(line);
  if (code !== 0) throw new Error(`${line}\n${stdout}${stderr}`);
  return stdout.trim();
}

const init = (...words: string[]) =>
  machine.root([program('twowarm'), 'init', ...words].map((word) => `'${word}'`).join(' '));

beforeAll(async () => {
  sandbox = makeSandbox('init-machine');
  machine = await startThrowawayMachine(sandbox);
  // Whatever clusters this machine has: in the copy they are not there.
  await root('rm -rf /etc/postgresql /var/lib/postgresql/15 /var/lib/pgsql');
  const owned = (path: string): string => `install -d -m 755 -o ${user} ${path}`;
  await root(`${owned('/var/lib/postgresql/15')}; ${owned('/var/lib/pgsql/15')}; rm -rf ${home}/.ssh`);
  for (const directory of [debian, redHat]) {
    const { code, stderr } = await machine.server(`${bindir}/initdb --no-sync --locale=C -D ${directory}`);
    if (code !== 0) throw new Error(stderr);
  }
  await root(`mkdir -p /etc/postgresql/15/walk; mv ${debian}/*.conf /etc/postgresql/15/walk
    printf "%s\\n" "data_directory = '${debian}'" "port = 5444" >> /etc/postgresql/15/walk/postgresql.conf
    test -e /usr/bin/pg_ctlcluster || install -m 755 /dev/null /usr/bin/pg_ctlcluster
    mkdir -p /etc/systemd/system; echo '[Service]' > /etc/systemd/system/postgresql-15.service`);
});
afterAll(async () => {
  await machine?.[Symbol.asyncDispose]();
  await sandbox?.dispose();
});

/** What a DR node without destinations says of itself. */
const ofDr = (directory: string, name: string): string[] => [
  ...['-D', directory, '--role', 'dr', '--name', name, '--destination', 'none'],
];

describe('twowarm init as root', () => {
  it('lists the clusters that it finds where none is named', async () => {
    const { code, stderr } = await init('--yes', '--destination', 'none');
    expect(code).toBe(2);
    expect(stderr).toContain('twowarm init: ERROR:  missing answer: --pgdata\n');
    expect(stderr).toContain(`${debian} (15/walk, PostgreSQL 15, port 5444, not running, primary)`);
    expect(stderr).toContain(`${redHat} (PostgreSQL 15, port 5432, not running, primary)`);
  });

  it("makes everything the server's user's, keys in its own home, and shows the lines that go to the other node", async () => {
    const far = ['--destination', 'db2=ssh://postgres@db2/srv/archive', '--pgdata-of', 'db2=/srv/data'];
    const { code, stdout, stderr } = await init(
      '-D',
      debian,
      '--role',
      'primary',
      '--name',
      'db1',
      ...far,
      '--generate-key',
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const [archiving, copying] = ['twowarm_ed25519', 'twowarm_copy_ed25519'].map(
      (name) => `${home}/.ssh/${name}`,
    );
    const paths = `/var/lib/postgresql/15/twowarm/ /var/lib/postgresql/15/twowarm/archive/ /var/lib/postgresql/15/twowarm/twowarm.toml ${archiving} ${archiving}.pub ${copying} ${copying}.pub`;
    expect(stdout).toContain(`\n== Made\n${paths.split(' ').join('\n')}\n`);
    expect(await root(`stat -c %a ${archiving}.pub ${copying}.pub`)).toBe('644\n644');
    const secret = paths.split(' ').filter((path) => !path.endsWith('.pub'));
    expect(await root(`stat -c '%a %U' ${secret.join(' ')} ${home}/.ssh`)).toBe(
      [700, 700, 600, 600, 600, 700].map((mode) => `${mode} ${user}`).join('\n'),
    );
    const toml = await root('cat /var/lib/postgresql/15/twowarm/twowarm.toml');
    expect(toml.split('\n').filter((line) => /^\w/.test(line))).toEqual([
      "name = 'db1'",
      `data_directory = '${debian}'`,
      `pg_bindir = '${bindir}'`,
      "start_command = 'pg_ctlcluster 15 walk start'",
      "stop_command = 'pg_ctlcluster 15 walk stop --mode fast'",
      "reload_command = 'pg_ctlcluster 15 walk reload'",
      "url = 'ssh://postgres@db2/srv/archive'",
      "data_directory = '/srv/data'",
      `identity_files = ['${archiving}']`,
      `copy_identity_files = ['${copying}']`,
    ]);
    const [key, copyKey] = [await root(`cat ${archiving}.pub`), await root(`cat ${copying}.pub`)];
    expect(key).toMatch(/^ssh-ed25519 \S+ twowarm db1$/);
    const twowarm = `${installation()}/bin/twowarm`;
    expect(stdout).toContain(`
# postgres@db2, for archiving
restrict,command="${twowarm} receive --directory /srv/archive" ${key}
# postgres@db2, for base backups
restrict,command="${twowarm} receive --data-directory /srv/data" ${copyKey}
`);
    // Without a passphrase: nobody is there to type one.
    expect(await root(`ssh-keygen -y -P '' -f ${archiving}`)).toBe(key);
  });

  it('never writes over a key that is there', async () => {
    const before = await root(`cat ${home}/.ssh/twowarm_ed25519`);
    const { code, stdout } = await init(
      '-D',
      redHat,
      '--role',
      'dr',
      '--name',
      'dr',
      '--destination',
      'db1=ssh://db1/srv/archive',
      '--generate-key',
    );
    expect(code).toBe(0);
    expect(stdout).toContain(
      '\n== Made\n/var/lib/pgsql/15/twowarm/\n/var/lib/pgsql/15/twowarm/archive/\n/var/lib/pgsql/15/twowarm/twowarm.toml\n\n',
    );
    expect(await root(`cat ${home}/.ssh/twowarm_ed25519`)).toBe(before);
  });

  it('scans the host keys where ssh_config leads, which ssh-keyscan does not read', async () => {
    const lines = ['Host db9', '  HostName 10.9.9.9', '  Port 2222', 'Host *'];
    await root(`install -o ${user} -m 600 /dev/null ${home}/.ssh/config`);
    await root(`printf '%s\\n' ${lines.map((line) => `'${line}'`).join(' ')} > ${home}/.ssh/config`);
    const words = ['--role', 'dr', '--name', 'x', '--destination', 'db9=ssh://db9/srv/archive', '--dry-run'];
    const { stdout } = await init('-D', '/var/lib/pgsql/15/new', ...words, '--json');
    await root(`rm ${home}/.ssh/config`);
    const { hostKeys } = JSON.parse(stdout) as { hostKeys: unknown };
    expect(hostKeys).toEqual([
      {
        host: '[10.9.9.9]:2222',
        of: ['db9'],
        scan: 'ssh-keyscan -p 2222 -t ed25519 10.9.9.9 > 10.9.9.9.hostkey && ssh-keygen -lf 10.9.9.9.hostkey',
        compare: 'ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub',
        accept: 'cat 10.9.9.9.hostkey >> ~/.ssh/known_hosts',
      },
    ]);
  });

  it('starts and stops a server of the RPM packages by its unit, and says what root has to allow for that', async () => {
    const { stdout } = await init(...ofDr(redHat, 'dr'), '--dry-run', '--json');
    // Another configuration is there by now.
    expect(JSON.parse(stdout)).toMatchObject({ kind: 'configuration-exists' });
    await root('rm -rf /var/lib/pgsql/15/twowarm');
    const again = await init(...ofDr(redHat, 'dr'), '--dry-run');
    expect(again.stdout).toContain("\nstart_command = 'sudo -n systemctl start postgresql-15'\n");
    expect(again.stdout).toContain(
      `\n== Lines for /etc/sudoers.d/twowarm\n${user} ALL=(root) NOPASSWD: /usr/bin/systemctl start postgresql-15, /usr/bin/systemctl stop postgresql-15, /usr/bin/systemctl reload postgresql-15\n`,
    );
  });

  it('asks for the relay as a unit where systemd runs: the line gives one that systemd accepts', async () => {
    await root(
      'mkdir -p /run/systemd/system && mv /var/lib/postgresql/15/twowarm /var/lib/postgresql/15/away',
    );
    const planned = await init(...ofDr(debian, 'x'), '--dry-run', '--json');
    await root('rm -rf /run/systemd && mv /var/lib/postgresql/15/away /var/lib/postgresql/15/twowarm');
    const { services } = JSON.parse(planned.stdout) as { services: { into: string; lines: string[] }[] };
    expect(services.map(({ into }) => into)).toEqual(['the shell of root', '/etc/cron.d/twowarm-check']);
    await root(services[0]!.lines[0]!);
    const unit = await root('cat /etc/systemd/system/twowarm-relay.service');
    expect(unit).toContain(
      `\nUser=${user}\nGroup=${serverUser().gid}\nExecStart=${program('twowarm')} relay -D ${debian}\n`,
    );
  });

  it('refuses a data directory that is yet to come where nobody can tell whose it will be', async () => {
    const { code, stderr } = await init(...ofDr('/srv/none', 'x'));
    expect({ code, stderr }).toEqual({
      code: 5,
      stderr: `twowarm init: ERROR:  cannot tell who will own /srv/none
DETAIL:  /srv belongs to root, under whom no server runs.
HINT:  Make the data directory, empty, as the server's user: install -d -m 700 -o postgres -g postgres /srv/none
`,
    });
  });

  it('says what root has to make where the server may not make its home', async () => {
    await root(`install -d -m 700 -o ${user} /srv/data`);
    const words = ['-D', '/srv/data', '--role', 'dr', '--name', 'x', '--destination', 'none'];
    const { code, stderr } = await init(...words);
    expect({ code, stderr }).toEqual({
      code: 21,
      stderr: `twowarm init: ERROR:  could not create the directory /srv/twowarm: Permission denied
DETAIL:  /srv belongs to root; the home is made as ${user}.
HINT:  As root: install -d -m 700 -o ${user} -g "$(id -g ${user})" /srv/twowarm
`,
    });
    await root(/HINT: {2}As root: (.*)/.exec(stderr)![1]!);
    expect((await init(...words)).code).toBe(0);
  });
});
