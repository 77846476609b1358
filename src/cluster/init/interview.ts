// The second place where answers come from: questions, each with what is proposed. What the options, or a tool that is taken
// over, have said is not asked again.
import { hostname } from 'node:os';
import { problemOfValue } from '../../program/settings/one-key.ts';
import { problemOfName, roles, type Answers, type NodeRole, type PlannedDestination } from './answers.ts';
import type { Asker } from './asker.ts';
import type { LocalCluster } from './local-cluster.ts';

const roleWords: Record<NodeRole, string> = {
  primary: 'primary: it archives to the other nodes',
  standby: 'standby: it restores what arrives here, and takes over when the primary is gone',
  dr: 'dr: like a standby, in another place; the others do not wait for it',
};

/** 'db1.example.com' is db1. */
const shortHostname = (): string =>
  hostname()
    .split('.')[0]!
    .replaceAll(/[^A-Za-z0-9_-]/g, '-') || 'node';

const problemOfUrl = (url: string): string | undefined => problemOfValue('destination', 'url', url);

interface Asked {
  policy: PlannedDestination['policy'];
  flag: string;
  what: string;
  isNeeded: boolean;
}

/** One node after the other, until there is no name. */
async function askDestinations(
  asker: Asker,
  { policy, flag, what, isNeeded }: Asked,
  proposed: { archive: string; dataDirectory: string },
): Promise<PlannedDestination[]> {
  const found: PlannedDestination[] = [];
  for (;;) {
    const none = found.length > 0 || !isNeeded ? ' (empty: none)' : '';
    const name = await asker.text({
      flag,
      message: `Name of ${found.length > 0 ? 'a further' : 'the'} ${what}${none}:`,
      isNeeded: isNeeded && found.length === 0,
      problemOf: (text) =>
        found.some((each) => each.name === text) ? 'is there twice' : problemOfName(text),
    });
    if (name === '' || !asker.isThere) return found;
    const url = await asker.text({
      flag,
      message: 'Where its archive is:',
      proposal: `ssh://postgres@${name}${proposed.archive}`,
      isNeeded: true,
      problemOf: problemOfUrl,
    });
    const dataDirectory = await asker.text({
      flag: '--pgdata-of',
      message: 'Its data directory, for base backups:',
      proposal: proposed.dataDirectory,
      isNeeded: true,
      problemOf: (text) => problemOfValue('destination', 'data_directory', text),
    });
    found.push({ name, url, policy, dataDirectory });
  }
}

/** Everything that has to be known, in the order in which a person thinks of it. */
export async function interview(
  asker: Asker,
  cluster: LocalCluster,
  archive: string,
  known: Answers,
): Promise<Answers & { role: NodeRole; name: string; destinations: PlannedDestination[] }> {
  const role =
    known.role ??
    ((await asker.choose({
      flag: '--role',
      message: 'What is this node?',
      choices: roles.map((value) => ({ value, words: roleWords[value] })),
      proposal: cluster.role ?? (cluster.state === 'none' ? 'standby' : 'primary'),
    })) as NodeRole);
  const name =
    known.name ??
    (await asker.text({
      flag: '--name',
      message: 'Name of this node:',
      proposal: shortHostname(),
      isNeeded: true,
      problemOf: (text) => problemOfValue('node', 'name', text),
    }));
  const proposed = { archive, dataDirectory: cluster.dataDirectory };
  const others: Asked = {
    policy: 'required',
    flag: '--destination',
    what: `node that must have every segment${role === 'primary' ? '' : ', once this node is the primary'}`,
    isNeeded: role === 'primary',
  };
  const far: Asked = { policy: 'best-effort', flag: '--dr', what: 'DR node', isNeeded: false };
  const destinations = known.destinations ?? (await askDestinations(asker, others, proposed));
  // Alone it could not be best-effort: archive_command would succeed without a copy.
  if (known.destinations === undefined && destinations.length > 0)
    destinations.push(...(await askDestinations(asker, far, proposed)));
  const arbiter =
    known.arbiter ??
    (await asker.text({
      flag: '--arbiter',
      message:
        'Arbiter: an archive all nodes can reach, so that two standbys triggered at once do not both become primary (empty: none)',
      isNeeded: false,
      problemOf: (text) => problemOfValue('cluster', 'arbiter', text),
    }));
  return { ...known, role, name, destinations, arbiter };
}
