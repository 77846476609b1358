// The command line of twowarm init, as data.
import { jsonOption, type Option } from '../../program/command.ts';

const answers: readonly Option[] = [
  {
    name: 'pgdata',
    alias: 'D',
    argument: 'DIRECTORY',
    summary:
      'The data directory; default: the working directory, then PGDATA, then one that is found. It may be missing or empty on a standby that is yet to be made.',
  },
  { name: 'role', argument: 'ROLE', summary: 'What this node is: primary, standby or dr.' },
  {
    name: 'name',
    argument: 'NAME',
    summary: "This node's name; what the other nodes call their destination.",
  },
  {
    name: 'destination',
    argument: 'NAME=URL',
    many: true,
    summary:
      "A node that must have every segment, and where its archive is; may be given more than once. 'none': there is none.",
  },
  {
    name: 'dr',
    argument: 'NAME=URL',
    many: true,
    summary:
      'A node that gets what it can (best-effort), and where its archive is; may be given more than once.',
  },
  {
    name: 'policy',
    argument: 'NAME=POLICY',
    many: true,
    summary:
      'Another policy for a destination: required, fallback or best-effort; may be given more than once.',
  },
  {
    name: 'pgdata-of',
    argument: 'NAME=DIR',
    many: true,
    summary: "A destination's own data directory, for base backups; may be given more than once.",
  },
  {
    name: 'source',
    argument: 'URL',
    many: true,
    summary:
      "Where restore_command looks; default: this node's archive; may be given more than once, in order.",
  },
  { name: 'arbiter', argument: 'URL', summary: 'The one archive that timelines are reserved at.' },
  {
    name: 'archive',
    argument: 'DIR',
    summary: "This node's archive, where it is not <home>/archive. It must exist.",
  },
  { name: 'pg-bindir', argument: 'DIR', summary: "The directory of PostgreSQL's programs; default: found." },
  { name: 'conninfo', argument: 'TEXT', summary: 'How to connect to the local server; default: found.' },
  {
    name: 'start-command',
    argument: 'LINE',
    summary: 'Starts the server; default: pg_ctlcluster, systemctl or pg_ctl, as found.',
  },
  { name: 'stop-command', argument: 'LINE', summary: 'Stops it.' },
  { name: 'reload-command', argument: 'LINE', summary: 'Reloads its configuration.' },
  {
    name: 'receiver',
    argument: 'PROGRAM',
    summary: 'twowarm on the other nodes, where it is not where it is here.',
  },
  { name: 'identity', argument: 'FILE', summary: 'The private key to log in with on the other nodes.' },
  {
    name: 'copy-identity',
    argument: 'FILE',
    summary: 'The one for base backups, which need another right there.',
  },
  {
    name: 'known-hosts',
    argument: 'FILE',
    summary: "The file of known host keys, where it is not ~/.ssh/known_hosts of the server's user.",
  },
  {
    name: 'generate-key',
    summary:
      'Make keys to log in with, ~/.ssh/twowarm_ed25519 and, for base backups, twowarm_copy_ed25519, unless they are there.',
  },
  {
    name: 'archive-timeout',
    argument: 'DURATION',
    summary:
      "The archive_timeout to propose: how much may be lost with this node; default: what is in force, else '60s'.",
  },
  { name: 'streaming', summary: 'Standbys are to stream, too: propose what that needs.' },
  {
    name: 'archiving',
    argument: 'STATE',
    summary: 'With what archiving begins: on, or hold, which keeps the WAL in pg_wal; default: on.',
  },
];

export const initOptions: readonly Option[] = [
  ...answers,
  { name: 'from-2warm', argument: 'DIR', summary: 'Take over a 2warm tree: read it, and run nothing of it.' },
  { name: 'from-repmgr', argument: 'FILE', summary: 'Take over a repmgr.conf.' },
  {
    name: 'apply-settings',
    summary: 'Set the proposed settings in the running server by ALTER SYSTEM, and reload it.',
  },
  { name: 'yes', alias: 'y', summary: 'Ask nothing: what is proposed is the answer.' },
  { name: 'dry-run', summary: 'Show everything, and make nothing.' },
  jsonOption('Print JSON, and ask nothing.'),
];
