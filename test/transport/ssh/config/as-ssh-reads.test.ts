// ssh_config as ssh itself reads it: many generated configurations, and the answers of the real ssh -G.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ProgramError } from '../../../../src/program/program-error.ts';
import { makeSandbox, type Sandbox } from '../../../harness/sandbox.ts';
import { askSsh, askUs, inWordsOfSsh } from './oracle.ts';

let sandbox: Sandbox;
/** Each one runs the real ssh once; thousands find what is rare. */
const runs = Number(process.env['TWOWARM_SSH_CONFIG_RUNS'] ?? 120);

beforeAll(() => {
  sandbox = makeSandbox('ssh-config');
});

afterAll(() => sandbox.dispose());

const pick = (...values: string[]): fc.Arbitrary<string> => fc.constantFrom(...values);
const hosts = ['db1', 'db2', 'db2.example.com', 'DB2', '10.1.2.3', 'bastion'];
const pattern = pick(
  ...hosts,
  '*',
  'db?',
  'db*',
  '*.example.com',
  '!db2',
  '!db*',
  '10.*',
  '*b*2*',
  '?',
  'a,db2',
);
const patterns = fc.array(pattern, { minLength: 1, maxLength: 3 }).map((each) => each.join(' '));
const list = fc.array(pick('db1', 'DB2', 'db*', '!db1', '*', 'postgres', 'root', '!root', 'r*'), {
  minLength: 1,
  maxLength: 3,
});

const criterion = fc.oneof(
  fc
    .tuple(pick('', '!'), pick('host', 'Host', 'originalhost', 'user', 'localuser'), list)
    .map(([not, name, words]) => `${not}${name} ${words.join(',')}`),
  pick('canonical', '!canonical', 'final', '!final'),
);
const match = fc
  .tuple(fc.array(criterion, { maxLength: 3 }), fc.boolean())
  .map(([criteria, all]) => `Match ${[...criteria, ...(all ? ['all'] : [])].join(' ') || 'all'}`);

const setting = fc.oneof(
  pick(
    'HostName db9',
    'HostName %h.example.net',
    'HostName 10.9.9.9',
    'HostName DB9.Example.com',
    'HostName 100%%',
  ),
  pick('Port 2222', 'Port 22', 'Port 1'),
  pick('User postgres', 'User root', 'User "replication user"', 'User wal-writer'),
  pick(
    'IdentityFile ~/.ssh/id_wal',
    'IdentityFile /etc/keys/%h',
    'IdentityFile "~/.ssh/with space"',
    'IdentityFile ~/.ssh/a=b',
  ),
  pick('IdentitiesOnly yes', 'IdentitiesOnly no', 'IdentitiesOnly true'),
  pick('IdentityAgent none', 'IdentityAgent SSH_AUTH_SOCK', 'IdentityAgent ~/agent'),
  pick(
    'UserKnownHostsFile ~/.ssh/a ~/.ssh/b',
    'UserKnownHostsFile /dev/null',
    'UserKnownHostsFile none',
    'UserKnownHostsFile "/a b"',
    'UserKnownHostsFile ~/k/%h_%p_%r_%n_%k %d/%u_%i_%L_%l ${HOME}/%%',
  ),
  pick('GlobalKnownHostsFile /etc/known', 'GlobalKnownHostsFile /etc/a /etc/b'),
  pick('HostKeyAlias db', 'HostKeyAlias other'),
  pick('AddressFamily inet', 'AddressFamily inet6', 'AddressFamily any'),
  pick('ConnectTimeout 5', 'ConnectTimeout 1m30', 'ConnectTimeout none'),
  pick(
    'ProxyJump bastion',
    'ProxyJump a,b',
    'ProxyJump me@bastion:2222',
    'ProxyJump ssh://me@bastion:22',
    'ProxyJump none',
    'ProxyJump [fe80::1]:22,x',
  ),
  pick('ProxyCommand none'),
  pick(
    'SendEnv LANG LC_*',
    'ForwardAgent no',
    'Compression yes',
    'ServerAliveInterval 10',
    'SetEnv A="b c"',
    'LocalCommand echo "it\'s"',
  ),
  pick('Frobnicate yes', 'IgnoreUnknown Frob*,x', 'IgnoreUnknown *'),
);

const include = fc
  .array(pick('one', 'two', 't*', '*wo', '?ne', 'missing', '.hidden'), { minLength: 1, maxLength: 2 })
  .map((names) => ({ include: names }));

type Piece = string | { include: string[] };
const piece: fc.Arbitrary<Piece> = fc.oneof(
  { weight: 3, arbitrary: patterns.map((each) => `Host ${each}`) },
  { weight: 2, arbitrary: match },
  { weight: 10, arbitrary: setting },
  { weight: 1, arbitrary: include },
  { weight: 1, arbitrary: pick('', '   ', '# a comment', '  # Host db2', 'Host\tdb2') },
);

/** How the same line can be written. */
const style = fc.record({
  indent: pick('', '  ', '\t', ' \t '),
  separator: pick(' ', '  ', '\t', '=', ' = ', ' ='),
  keyword: pick('as it is', 'lower', 'upper'),
  end: pick('', ' ', '\t', '\r', ' # remark', '\t#"'),
});

function written(
  line: string,
  how: { indent: string; separator: string; keyword: string; end: string },
): string {
  if (line.trim() === '' || line.trimStart().startsWith('#')) return `${how.indent}${line}`;
  const [, word = '', rest = ''] = /^(\S+)\s(.*)$/s.exec(line) ?? [];
  const keyword = { lower: word.toLowerCase(), upper: word.toUpperCase() }[how.keyword] ?? word;
  // To the end of the line goes the value of these.
  const end = /^(ProxyJump|ProxyCommand|LocalCommand)$/i.test(word) && how.end.includes('#') ? '' : how.end;
  return `${how.indent}${keyword}${how.separator}${rest}${end}`;
}

const file = fc.array(fc.tuple(piece, style), { maxLength: 9 });

/** Only files that come later are included, so that there is no circle. */
function textOf(
  pieces: readonly [Piece, { indent: string; separator: string; keyword: string; end: string }][],
  path: string | undefined,
): string {
  return pieces
    .flatMap(([each, how]) => {
      if (typeof each === 'string') return [written(each, how)];
      if (path === undefined) return [];
      return [written(`Include ${each.include.map((name) => join(path, name)).join(' ')}`, how)];
    })
    .join('\n');
}

describe('ssh_config', { timeout: 60_000 + 200 * runs }, () => {
  it('is read as ssh reads it, whatever the sections, the includes and the way of writing', () => {
    const included = sandbox.directory('included');
    const deeper = sandbox.directory('deeper');
    let refused = 0;
    const run = (
      main: string,
      one: string,
      two: string,
      asked: { host: string; user?: string; port?: number },
    ): void => {
      // Ours, whoever runs the test: what belongs to others is refused.
      const config = join(sandbox.path, 'config');
      for (const [path, text] of [
        [config, main],
        [join(included, 'one'), one],
        [join(deeper, 'two'), two],
        [join(included, '.hidden'), 'User hidden\n'],
      ] as const)
        writeFileSync(path, text, { mode: 0o600 });
      const answer = askSsh(config, asked);
      let ours: ReturnType<typeof inWordsOfSsh> | undefined;
      try {
        ours = inWordsOfSsh(askUs(config, asked));
      } catch (error) {
        if (!(error instanceof ProgramError)) throw error;
        // What ssh refuses in sections of other hosts is none of ours; what we refuse, it does, too.
        expect(answer, `${error.message}\n${main}`).toBeUndefined();
      }
      if (answer === undefined) refused += 1;
      else expect(ours).toEqual(answer);
    };
    fc.assert(
      fc.property(
        file,
        file,
        file,
        pick(...hosts),
        fc.option(pick('root', 'other'), { nil: undefined }),
        fc.option(fc.constantFrom(22, 2022), { nil: undefined }),
        (main, one, two, host, user, port) => {
          run(textOf(main, included), textOf(one, deeper), textOf(two, undefined), {
            host,
            ...(user !== undefined && { user }),
            ...(port !== undefined && { port }),
          });
        },
      ),
      { numRuns: runs },
    );
    expect(refused).toBeLessThan(runs / 2);
  });
});
