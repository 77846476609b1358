// docs/check.md: every step of twowarm check, rendered from the declarations.
import { steps } from '../src/cluster/check/steps.ts';
import type { Step } from '../src/cluster/check/step.ts';

const whereOf = ({ where, isFull }: Step): string =>
  [where ?? 'every node', ...(isFull === true ? ['`--full`'] : [])].join(', ');

/** `generated` is the line that says so. */
export function renderCheck(generated: string): string {
  const rows = steps.map((step) => `| \`${step.id}\` | ${whereOf(step)} | ${step.looksAt} |`);
  return [
    '# twowarm check',
    '',
    generated,
    '',
    'Run it as the owner of the data directory, or as root, on every node: after setting up, after every change, before a',
    'switchover, and by monitoring all the time. It makes and changes nothing that is configured, with three exceptions that leave',
    'no trace: a small file with the name of an unfinished one at each destination (`destination-write`), a temporary directory, and',
    'with `--full`, on a primary, the end of the current segment. It knows PostgreSQL 10 and later; of an older server much is UNKNOWN.',
    '',
    '```sh',
    'twowarm check                  # within seconds; the first line and the exit code are what monitoring reads',
    'twowarm check --full           # also ends a segment, follows it, and restores it from every destination',
    'twowarm check --only destination,archiver',
    'twowarm check --json | jq .status',
    '```',
    '',
    'Every finding has a level: `ok`, `skipped` (it cannot be judged, or need not be), `UNKNOWN`, `WARNING` (it works, but not as it',
    'should), `CRITICAL` (WAL is not shipped or restored, or would not be after a promotion). What is not well says what to do. The',
    'exit code is that of the worst: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN. A check that hangs ends with its own time (`--timeout`)',
    'and does not hold up the others; one that cannot be judged because another one failed says which.',
    '',
    'For Nagios and what understands its plugins (NRPE, Icinga): `command[twowarm]=sudo -u postgres /usr/local/bin/twowarm check -D',
    '/var/lib/postgresql/15/main`. For cron: `conf-templates/twowarm-check.cron`.',
    '',
    '| id | where | what it looks at |',
    '|---|---|---|',
    ...rows,
    '',
    '`--json` prints one object:',
    '',
    '| key | meaning |',
    '|---|---|',
    '| `status` | `OK`, `WARNING`, `CRITICAL` or `UNKNOWN` |',
    '| `node`, `role`, `version` | the name of the node; `primary`, `standby` or `recovery`; the version of twowarm; null where it is not known |',
    '| `steps` | in the order above: `id`, `subject` (a destination or a source, else null), `level`, `tookMs`, `findings`: each with `level`, `message`, `detail`, `hint`, `figures` (numbers with their unit in the name) |',
    '| `hops` | with `--full`: `segment`, `from`, `to`, `ms` from the end of the segment until it was there; null where it was not seen |',
    '',
  ].join('\n');
}
