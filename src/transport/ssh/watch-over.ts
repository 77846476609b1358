// A watch on an archive of another machine: its receiver tells when a file may have come.
import type { Watch } from '../../program/watch-directory.ts';
import type { Conversation } from './conversation.ts';
import type { Link } from './link.ts';

/** Wakes with the name of what came; once more, without one, when the connection ends: the next look says why. */
export async function watchOver(link: Link, wake: (name: string | undefined) => void): Promise<Watch> {
  const conversation = await link.ask({ verb: 'watch' });
  const first = await conversation.reply();
  let isHeard = first.text('reply') === 'watching';
  const hear = async (): Promise<void> => {
    try {
      for (;;) wake((await conversation.reply()).maybeText('name'));
    } catch {
      if (isHeard) wake(undefined);
      isHeard = false;
    }
  };
  void hear();
  return {
    get works() {
      return isHeard && link.isOpen;
    },
    look: () => undefined,
    close: () => {
      isHeard = false;
      endQuietly(conversation);
    },
  };
}

function endQuietly(conversation: Conversation): void {
  conversation.fail(new Error('nobody watches any more'));
  conversation.close(false);
}
