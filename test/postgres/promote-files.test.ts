// The files that ask for a promotion, by version.
import { expect, it } from 'vitest';
import { makeSandbox } from '../harness/sandbox.ts';
import { promoteFileNames } from '../../src/postgres/promote-files.ts';

it.each([
  ['10', ['promote', 'fallback_promote']],
  ['12', ['promote', 'fallback_promote']],
  ['13', ['promote']],
  ['18', ['promote']],
  ['unreadable', ['promote']],
])('of PostgreSQL %s are %j', async (version, names) => {
  await using sandbox = makeSandbox('promote-files');
  sandbox.file('data/PG_VERSION', `${version}\n`);
  expect(promoteFileNames(sandbox.directory('data'))).toEqual(names);
});
