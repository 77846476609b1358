// The far end of a copy: what a connection to a data directory is good for. Everything that comes is checked by the target
// itself, which is one of this machine (near/); nothing of the client is believed.
import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import { ProgramError } from '../../program/program-error.ts';
import { version } from '../../program/version.ts';
import type { Greeted, Side, Verb } from '../../transport/receiver/session.ts';
import type { Talk } from '../../transport/receiver/talk.ts';
import type { Message } from '../../transport/wire/messages.ts';
import { openNearTarget, type NearTarget } from '../near/near-target.ts';
import { PageDigests } from '../sums/page-digests.ts';
import type { Outside, SourceCluster } from '../target.ts';
import { agreeOnCopy, helloVerb, readCopyHello, type CopyHello } from '../wire/hello.ts';
import { allOf, longMessage, longText, readNames } from '../wire/long-message.ts';
import { foundToJson, preparedToJson, readOutside, readSource } from '../wire/places.ts';
import { mostSmallBytes, readSmallFiles } from '../wire/small-files.ts';
import type { Admitted } from './admitted.ts';
import { receiveFile } from './receive-file.ts';
import { receiveSeveral } from './small-files.ts';
import type { CopyTerms } from './terms.ts';
import { otherDirectory, refuseArchiveKey, requireAllowed } from './wrong-key.ts';

/** Permission bits. */
const mostMode = 0o7777;

function modeOf(request: Message): number {
  const mode = request.count('mode');
  if (mode <= mostMode) return mode;
  throw new ProgramError('protocol', `the far side does not keep to the protocol: a mode of ${mode}`);
}

/** More than pg_control has in any version. */
const mostControlBytes = 65_536;

async function sendLong(talk: Talk, reply: string, value: object): Promise<void> {
  await talk.reply({ reply });
  await talk.send(longText(value));
  await talk.sent();
}

async function placesOf(
  { incoming }: Talk,
  terms: CopyTerms,
): Promise<{ source: SourceCluster; outside: Outside }> {
  const message = await longMessage(incoming);
  const outside = readOutside(message.part('outside'));
  requireAllowed(outside, terms);
  return { source: readSource(message.part('source')), outside };
}

const verbsFor = (terms: CopyTerms): Readonly<Record<string, Verb<Admitted>>> => ({
  look: async (request, { target }, talk) => {
    const mayRun = request.isTrue('running');
    const { source, outside } = await placesOf(talk, terms);
    await sendLong(talk, 'found', foundToJson(await target.look(source, outside, talk.signal, mayRun)));
  },
  prepare: async (_request, { target }, talk) => {
    const { source, outside } = await placesOf(talk, terms);
    await sendLong(talk, 'prepared', preparedToJson(await target.prepare(source, outside, talk.signal)));
  },
  directory: async (request, { target }, talk) => {
    await target.directory(request.text('path'), modeOf(request), talk.signal);
    await talk.reply({ reply: 'made' });
  },
  file: async (request, { target, digests }, talk) => {
    const isFresh = request.isTrue('fresh');
    const wantsCrcs = request.isTrue('crcs');
    const file = await target.file(request.text('path'), modeOf(request), talk.signal);
    await receiveFile(file, talk, digests, { isFresh, wantsCrcs });
  },
  offer: async (request, { target, digests }, talk) => {
    const { files } = readSmallFiles(await allOf(talk.incoming, mostSmallBytes));
    const kept = await target.keeps(request.text('path'), files, digests, talk.signal);
    await talk.reply({ reply: 'judged', kept: kept.map((each) => (each ? '1' : '0')).join('') });
  },
  files: async (request, admitted, talk) => {
    const all = await allOf(talk.incoming, mostSmallBytes);
    await talk.reply({ reply: await receiveSeveral(admitted, request.text('path'), all, talk.signal) });
  },
  sweep: async (request, { target }, talk) => {
    const names = await readNames(talk.incoming);
    const removed = await target.sweep(request.text('path'), names, talk.signal);
    await talk.reply({ reply: 'swept', removed });
  },
  finish: async (_request, { target }, talk) => {
    await target.finish(await allOf(talk.incoming, mostControlBytes), talk.signal);
    await talk.reply({ reply: 'finished' });
  },
  close: async (_request, { target }, talk) => {
    await target.close();
    await talk.reply({ reply: 'closed' });
  },
});

/** Not yet the places beside it: a target that has some already keeps them, whatever the client expects. */
function requireTerms({ directory }: CopyHello, terms: CopyTerms): void {
  if (resolve('/', directory) !== resolve('/', terms.directory)) throw otherDirectory(directory, terms);
}

/** The data directory of these terms. It is opened for who is admitted, and let go of when the connection ends. */
export function copySide(terms: CopyTerms): Side<Admitted> {
  // For the names of temporary files, which belong to this process.
  const nodeId = randomBytes(8).toString('hex');
  let target: NearTarget | undefined;
  const admit = async (request: Message): Promise<Greeted<Admitted>> => {
    const hello = readCopyHello(request);
    const agreed = agreeOnCopy(hello);
    requireTerms(hello, terms);
    target = openNearTarget({ directory: terms.directory, allowed: terms.allowed, nodeId });
    const digests = new PageDigests(hello.key);
    return {
      admitted: { target, digests },
      welcome: { reply: 'welcome-copy', version: agreed, receiver: version },
    };
  };
  return {
    greetings: { [helloVerb]: admit, hello: () => refuseArchiveKey(terms) },
    verbs: verbsFor(terms),
    takesData: ['look', 'prepare', 'file', 'offer', 'files', 'sweep', 'finish'],
    told: (fault) => fault,
    isPatient: true,
    end: async () => target?.close(),
  };
}
