// A far side that speaks the protocol and means harm, or is of another version: a program in the place of `twowarm receive`
// that answers each verb as it is told, and has nothing of what it is not told about. It has frames of its own and owes nothing to the code under test.
import { carriedNode } from '../../harness/source-script.ts';
import type { Sandbox } from '../../harness/sandbox.ts';

/** What it sends, in this order: messages, the bytes of data frames, the end of data. */
export type Sent = { message: object } | { data: string } | 'end';

const script = (answers: Record<string, readonly Sent[]>): string => `
const answers = ${JSON.stringify(answers)};
const kinds = { message: 1, data: 2, end: 3 };
const send = (kind, id, payload) => {
  const header = Buffer.alloc(9);
  header.writeUInt8(kinds[kind], 0);
  header.writeUInt32BE(id, 1);
  header.writeUInt32BE(payload.length, 5);
  process.stdout.write(Buffer.concat([header, payload]));
};
process.stdout.write('\\0twowarm receiver\\n');
let bytes = Buffer.alloc(0);
process.stdin.on('data', (chunk) => {
  bytes = Buffer.concat([bytes, chunk]);
  while (bytes.length >= 9 && bytes.length >= 9 + bytes.readUInt32BE(5)) {
    const [kind, id, end] = [bytes.readUInt8(0), bytes.readUInt32BE(1), 9 + bytes.readUInt32BE(5)];
    const payload = bytes.subarray(9, end);
    bytes = bytes.subarray(end);
    if (kind !== kinds.message) continue;
    const { verb } = JSON.parse(payload.toString());
    for (const each of answers[verb] ?? [{ message: { reply: verb === 'ping' ? 'pong' : 'missing' } }]) {
      if (each === 'end') send('end', id, Buffer.alloc(0));
      else if ('data' in each) send('data', id, Buffer.from(each.data, 'base64'));
      else send('message', id, Buffer.from(JSON.stringify(each.message)));
    }
  }
});
process.stdin.on('end', () => process.exit(0));
`;

/** What a good receiver says first. */
export const welcome: readonly Sent[] = [
  { message: { reply: 'welcome', version: 1, receiver: '9.9.9', vacant: false, may_read: true } },
];

/** Writes the program; returns the path that `ssh.receiver` names. `answers` by the verb of the request. */
export function fakeReceiver(sandbox: Sandbox, answers: Record<string, readonly Sent[]>): string {
  const program = sandbox.file('fake/receiver.mjs', script(answers));
  return sandbox.file('fake/receiver', `#!/bin/sh\nexec '${carriedNode()}' '${program}'\n`, 0o700);
}

export const base64 = (bytes: string | Buffer): string => Buffer.from(bytes).toString('base64');
