// What rsync is told to log in with.
import { expect, it } from 'vitest';
import { sshCommand } from '../../../src/transport/rsync/ssh-command.ts';

const place = { scheme: 'rsync+ssh' as const, user: undefined, host: 'db2', port: undefined, path: '/wal' };
const login = { receiver: 'twowarm', connectLimitMs: 1000, idleLimitMs: 1000 } as never;
const commandWith = (configFile?: string): string => sshCommand(place, Object.assign({ configFile }, login));

it('asks nobody and trusts no key that is new, whatever ssh_config says', () => {
  for (const option of [
    'BatchMode=yes',
    'StrictHostKeyChecking=yes',
    'ControlMaster=no',
    'ClearAllForwardings=yes',
  ])
    expect(commandWith()).toContain(` -o ${option} `);
});

it('follows the ssh_config that ssh.config_file names, or none', () => {
  expect(commandWith()).toMatch(/^ssh -o BatchMode=yes /);
  expect(commandWith('none')).toMatch(/^ssh -F none -o /);
  expect(commandWith('/etc/two warm/ssh_config')).toMatch(/^ssh -F '\/etc\/two warm\/ssh_config' -o /);
});
