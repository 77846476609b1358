// The keys that twowarm init is told of: one for the archive and another one for base backups, each with one line over there.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { answersFor, makeFresh, type Fresh } from './fresh.ts';

let fresh: Fresh;

beforeAll(() => {
  fresh = makeFresh('keys');
  fresh.sandbox.directory('db2');
});
afterAll(() => fresh[Symbol.asyncDispose]());

describe('twowarm init', () => {
  it.each(['identity', 'copy-identity'])('makes no keys where --%s names one', async (name) => {
    expect(await fresh.init(...answersFor(fresh), '--generate-key', `--${name}`, fresh.path('key'))).toEqual({
      code: 2,
      stdout: '',
      stderr: `twowarm init: ERROR:  --generate-key and --${name} contradict each other\n`,
      changed: [],
    });
  });

  it('takes no key for both, of which sshd would see one line only, and says so of two places behind one login', async () => {
    const key = fresh.path('key');
    expect(await fresh.init(...answersFor(fresh), '--identity', key, '--copy-identity', key)).toEqual({
      code: 2,
      stdout: '',
      stderr:
        'twowarm init: ERROR:  --identity and --copy-identity name the same key\nHINT:  sshd takes the first line that a key has in authorized_keys: base backups need another key.\n',
      changed: [],
    });
    const two = [
      '--destination',
      'a=ssh://postgres@db2/srv/a',
      '--destination',
      'b=ssh://postgres@db2/srv/b',
    ];
    const { stdout } = await fresh.init('--role', 'primary', '--name', 'db1', ...two, '--dry-run');
    expect(stdout).toContain(
      '\n# a and b are reached by one login, where a key has one line only: give them different users, or hosts of ssh_config with keys of their own\n',
    );
  });
});
