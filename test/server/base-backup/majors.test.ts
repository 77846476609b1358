// copyToStandby of a primary that is written to, on every major: over a local directory and over ssh, with tablespaces, pg_wal
// elsewhere, other sizes of segments, with and without checksums; and back again.
import { describe, it } from 'vitest';
import { makeSandbox } from '../../harness/sandbox.ts';
import { majorsOfEachAge } from '../../harness/share.ts';
import { playStory } from './play-story.ts';
import { stories } from './stories.ts';

const majors = majorsOfEachAge(stories.map(({ major }) => major));
const played = stories.filter(({ major }) => majors.includes(major));

describe('a primary that is written to', { concurrent: true, timeout: 400_000 }, () => {
  it.each(played)(
    'of PostgreSQL $major is copied ($road, $mode), has every row that was archived, and then the $again is copied into again',
    async (story) => {
      await using sandbox = makeSandbox(`copied-${story.major}`);
      await playStory(sandbox, story);
    },
  );
});
