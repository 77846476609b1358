// A receiver whose disk takes its time: frames wait for their reader, and the pings behind them are not heard. Where that is no
// reason to give up, the client is told that somebody is there.
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { serve, type Side } from '../../../src/transport/receiver/session.ts';
import { Link } from '../../../src/transport/ssh/link.ts';
import { connectionOver } from '../../../src/transport/wire/connection.ts';
import { faultOf } from '../../program/fault.ts';
import { neverStopped } from '../archives.ts';

const idleLimitMs = 2200;

/** Sends more than waits in memory to a verb that reads it only after a while; its reply. */
async function sendToSlow(isPatient: boolean): Promise<string> {
  const [up, down] = [new PassThrough(), new PassThrough()];
  const side: Side<object> = {
    greetings: { hello: () => Promise.resolve({ admitted: {}, welcome: { reply: 'welcome' } }) },
    verbs: {
      slow: async (_request, _admitted, talk) => {
        await new Promise((resolve) => setTimeout(resolve, 2 * idleLimitMs));
        let bytes = 0;
        for await (const piece of talk.incoming) bytes += piece.length;
        await talk.reply({ reply: `${bytes}` });
      },
    },
    takesData: ['slow'],
    told: (fault) => fault,
    ...(isPatient && { isPatient }),
  };
  const serving = serve(connectionOver(up, down), side, neverStopped);
  const explainEnd = () => Promise.resolve(new Error('it ended'));
  const link = new Link(
    { connection: connectionOver(down, up), explainEnd, close: () => void up.end() },
    idleLimitMs,
  );
  try {
    await link.askOnce({ verb: 'hello' }, neverStopped);
    return await link.converse({ verb: 'slow' }, neverStopped, async (conversation) => {
      for (let sent = 0; sent < 4; sent += 1) await conversation.send(Buffer.alloc(1024 * 1024));
      await conversation.sent();
      return (await conversation.reply()).text('reply');
    });
  } finally {
    link.close();
    await serving;
  }
}

describe.concurrent('a receiver that is held up by its disk', () => {
  it('is waited for where it is patient', async () => {
    expect(await sendToSlow(true)).toBe(String(4 * 1024 * 1024));
  });

  it('is given up by the limit of silence otherwise', async () => {
    expect((await faultOf(() => sendToSlow(false))).message).toBe('the far side has not answered for 2.2 s');
  });
});
