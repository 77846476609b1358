// conf-templates/: how systemd and cron call the relay and the check. Made from the commands themselves, so that what they name
// exists.
import { command as check } from '../src/cluster/check/command.ts';
import { command as relay } from '../src/relay/command.ts';
import { command as rsyncDR } from '../src/relay/rsync-dr-command.ts';
import { errorKinds, type ErrorKindName } from '../src/program/error-kinds.ts';

const binaries = '/usr/local/bin';
const dataDirectory = '/var/lib/postgresql/15/main';

/** Faults at the start that a person has to cure: starting again at once would only fill the journal. */
const notRestarted: readonly ErrorKindName[] = ['usage', 'not-built', 'wrong-cluster', 'busy'];

interface RelayUnit {
  name: string;
  /** What a person does with it. */
  use: string;
  description: string;
  start: string;
}

function relayUnit({ name, use, description, start }: RelayUnit): string {
  const codes = notRestarted.map((kind) => errorKinds[kind].exitCode).join(' ');
  return `# ${name} - ${relay.summary}
${use}
# It may, and should, run on every node, whatever its role is just now: on a standby it carries what arrives, on a primary
# it only brings what destinations are owed from the time when they were away. It needs no restart when twowarm.toml
# changes or when the server starts, stops or is promoted.

[Unit]
Description=twowarm: relay of PostgreSQL's write-ahead log${description}
After=network-online.target local-fs.target remote-fs.target
Wants=network-online.target

[Service]
Type=simple
User=postgres
Group=postgres
${start}
Restart=on-failure
RestartSec=10
# ${notRestarted.join(', ')}
RestartPreventExitStatus=${codes}
KillSignal=SIGTERM
TimeoutStopSec=30
UMask=0077

# Destinations may be anywhere but here.
ProtectSystem=full
NoNewPrivileges=yes
CapabilityBoundingSet=
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
# Not MemoryDenyWriteExecute: Node.js compiles while it runs. Not PrivateTmp and ProtectHome: an archive, or the keys of
# ssh, may be there.

[Install]
WantedBy=multi-user.target
`;
}

/** A unit for `twowarm relay`, to be copied and corrected. */
export const renderRelayUnit = (): string =>
  relayUnit({
    name: 'twowarm-relay.service',
    use: `# Copy it to /etc/systemd/system and correct User, Group and the two paths in ExecStart; then:
#   systemctl daemon-reload && systemctl enable --now twowarm-relay`,
    description: '',
    start: `ExecStart=${binaries}/${relay.name} -D ${dataDirectory}`,
  });

/** The same for a package: an instance for each cluster of the machine, named as Debian's postgresql@.service names it. */
export const renderRelayInstances = (): string =>
  relayUnit({
    name: 'twowarm-relay@.service',
    use: `# One instance for each cluster: twowarm-relay@15-main works in /var/lib/postgresql/15/main.
#   systemctl enable --now twowarm-relay@15-main
# For another directory or another user: systemctl edit twowarm-relay@15-main, with the lines
#   [Service]
#   Environment=PGDATA=/srv/postgresql/main`,
    description: ', %i',
    start: `Environment=PGDATA=/var/lib/postgresql/%I\nExecStart=/usr/bin/${relay.name} -D \${PGDATA}`,
  });

/** A line for /etc/cron.d. */
export function renderRelayCron(): string {
  return `# rsyncDR.cron - ${rsyncDR.summary}
# It may run on every node: on a primary it only brings what destinations are owed from the time when they were away.
# Copy it to /etc/cron.d/twowarm (without a dot in its name, or cron passes it over) and correct the user and the two
# paths. Where twowarm-relay.service runs it is not needed, and does no harm: the one leaves the work to the other.
# A pass that succeeds says nothing; what it does say, cron mails.
MAILTO=postgres
*/5 * * * * postgres ${binaries}/${rsyncDR.name} -D ${dataDirectory}
`;
}

/** Lines for /etc/cron.d. */
export function renderCheckCron(): string {
  return `# twowarm-check.cron - ${check.summary}
# Copy it to /etc/cron.d/twowarm-check (without a dot in its name, or cron passes it over) and correct the user and the two
# paths. --quiet says nothing where all is well; what it does say, cron mails. Where a monitoring system calls
# ${check.name} itself, only the second line is needed: once a day a segment is followed and restored.
MAILTO=postgres
*/15 * * * * postgres ${binaries}/${check.name} --quiet -D ${dataDirectory}
10 4 * * * postgres ${binaries}/${check.name} --full --quiet -D ${dataDirectory}
`;
}
