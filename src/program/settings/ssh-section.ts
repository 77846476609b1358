// The keys of [ssh]: how this node logs in where a URL begins with ssh:.
import { z } from 'zod';
import { duration, keyWords, path, text } from './key-parts.ts';

export const ssh = z.strictObject({
  config_file: text()
    .refine((value) => value === 'none' || value.startsWith('/'), "must be an absolute path or 'none'")
    .optional()
    .register(keyWords, {
      summary:
        "The ssh_config(5) file that says where hosts of ssh: URLs are and how to log in there, instead of the files that ssh reads; 'none' reads no such file. What the URL and the other keys of this section say goes first. What of it is followed: docs/ssh-config.md.",
      default: '~/.ssh/config of the owner of the data directory, and /etc/ssh/ssh_config',
      example: "'none'",
    }),
  identity_files: z.array(path()).optional().register(keyWords, {
    summary: 'The private keys to log in with, in this order.',
    default:
      'those of ssh_config, else ~/.ssh/id_ed25519, id_ecdsa and id_rsa of the owner of the data directory',
    example: "['/var/lib/postgresql/.ssh/id_ed25519']",
  }),
  copy_identity_files: z.array(path()).min(1, 'must name at least one key').optional().register(keyWords, {
    summary:
      'The private keys for base backups (copyToStandby, copyToDR), which need another right over there than archiving has: twowarm receive --data-directory.',
    default: 'identity_files',
    example: "['/var/lib/postgresql/.ssh/twowarm_copy']",
  }),
  known_hosts: z.array(path()).min(1, 'must name at least one file').optional().register(keyWords, {
    summary: 'The files of known host keys. A host that is in none of them is refused.',
    default: 'those of ssh_config, else ~/.ssh/known_hosts and /etc/ssh/ssh_known_hosts',
    example: "['/var/lib/postgresql/.ssh/known_hosts']",
  }),
  agent: path().optional().register(keyWords, {
    summary: 'The socket of an agent that has further keys.',
    default: 'that of ssh_config, else SSH_AUTH_SOCK of the environment',
    example: "'/run/user/105/ssh-agent'",
  }),
  receiver: text().default('twowarm').register(keyWords, {
    summary:
      'The twowarm program of the far side, as its login shell finds it. Where authorized_keys fixes the command, it is not used.',
    default: "'twowarm'",
    example: "'/opt/twowarm/bin/twowarm'",
  }),
  connect_limit: duration().default(10_000).register(keyWords, {
    summary: 'How long connecting and logging in may take.',
    default: "'10s'",
    example: "'10s'",
  }),
  idle_limit: duration().default(30_000).register(keyWords, {
    summary:
      'How long the far side may be silent while something is asked of it; it is pinged in between. Longer than 2 MB take on the line.',
    default: "'30s'",
    example: "'30s'",
  }),
});
