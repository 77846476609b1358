// The keys of [rsync]: what a daemon of rsync wants where a URL begins with rsync:. How rsync+ssh: logs in is in [ssh].
import { z } from 'zod';
import { keyWords, path } from './key-parts.ts';

export const rsync = z.strictObject({
  password_file: path().optional().register(keyWords, {
    summary:
      'The file whose one line is the password of the user in an rsync: URL (auth users in rsyncd.conf). Nobody else may read it.',
    example: "'/var/lib/postgresql/.rsync-password'",
  }),
});
