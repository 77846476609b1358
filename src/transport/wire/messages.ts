// The messages of the protocol, version 1, as JSON objects: requests have a `verb`, replies a `reply`. Unknown fields are
// ignored, unknown verbs refused. Nothing that comes from the far side is believed before it was read through here.
import { errorKinds, type ErrorKindName } from '../../program/error-kinds.ts';
import { ProgramError } from '../../program/program-error.ts';
import { parseWalFileName } from '../../wal/filename.ts';

/** The versions that this program speaks: each also works with the one before. */
export const versions = { oldest: 1, newest: 1 } as const;

/** The first request. Identifiers are decimal digits, `node` is the 16 digits of the node's record. */
export interface Hello {
  verb: 'hello';
  /** The oldest and the newest version that the client speaks. */
  versions: readonly [number, number];
  /** The client's version of twowarm, for messages. */
  client: string;
  system_identifier: string;
  segment_size: number;
  control_version: number;
  node: string;
  node_name: string;
  /** The epoch of the node's last claim of this archive, if it has made one. */
  epoch?: number;
  /** The client's timeline: 0 where it cannot say. */
  timeline: number;
  /** As in the client's URL: must be the receiver's own. */
  directory: string;
  /** The URL itself, for messages. */
  url: string;
  /** The random name of the archive that this node has used there before, and where it notes that. */
  archive?: string;
  note: string;
  /** `read`: nothing will be stored, and an archive without an owner stays without. */
  purpose: 'read' | 'write';
  /** Of a dry run that reads nothing: a key that may not read is admitted, too. */
  look?: true;
}

/** The first line of the refusal of whoever may not read; an older receiver tells one who only looks, too. */
export const notReadableWords = 'the receiver does not allow to read';

export interface Welcome {
  reply: 'welcome';
  version: number;
  receiver: string;
  /** The random name of the archive; absent while it has no owner. */
  archive?: string;
  /** Neither an archive nor any WAL. */
  vacant: boolean;
  may_read: boolean;
}

/** How a file's bytes travel, and how they are kept. */
export type Encoding = 'none' | 'zstd';

export interface Put {
  verb: 'put' | 'would-put';
  name: string;
  /** Of the plaintext: bytes, and 64 lower-case hexadecimal digits. */
  size: number;
  sha256: string;
  encoding: Encoding;
  store: Encoding;
}

/** Names every refusal that the contract tells apart; the kind says the rest. */
export type Refusal = 'duplicate' | 'fenced' | 'wrong-cluster' | 'full' | 'version' | 'error';

const refusals: Partial<Record<ErrorKindName, Refusal>> = {
  'archive-duplicate': 'duplicate',
  fenced: 'fenced',
  'wrong-cluster': 'wrong-cluster',
  'no-space': 'full',
  'protocol-version': 'version',
};

/** A fault as the reply that tells of it. */
export const refusalOf = ({ kind, message, detail, hint }: ProgramError): object => ({
  reply: refusals[kind] ?? 'error',
  kind,
  message,
  detail,
  hint,
});

const longestText = 2000;

/** Text of the far side on its way into a log: no longer than a few lines. */
const short = (text: string | undefined): string | undefined => text?.slice(0, longestText);

/** The fault that a refusing reply tells of; of a kind we do not know it is `input-output`. */
export function faultOf(message: Message): ProgramError {
  const kind = message.text('kind');
  const known = Object.hasOwn(errorKinds, kind) && kind !== 'bug' ? (kind as ErrorKindName) : 'input-output';
  return new ProgramError(known, short(message.text('message')) ?? '', {
    detail: short(message.maybeText('detail')),
    hint: short(message.maybeText('hint')),
  });
}

const invalid = (what: string): ProgramError =>
  new ProgramError('protocol', `the far side does not keep to the protocol: ${what}`);

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw invalid('a message that is no JSON');
  }
}

/** A message that came, read field by field; throws `protocol` for one that is not what it should be. */
export class Message {
  private readonly fields: Readonly<Record<string, unknown>>;

  /** The text of a message, or a part of one that was read already. */
  constructor(text: string | { part: unknown }) {
    const value = typeof text === 'string' ? parseJson(text) : text.part;
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw invalid('a message that is no object');
    this.fields = value as Record<string, unknown>;
  }

  private get(key: string): unknown {
    return Object.hasOwn(this.fields, key) ? this.fields[key] : undefined;
  }

  text(key: string): string {
    const value = this.get(key);
    if (typeof value === 'string') return value;
    throw invalid(`"${key}" is no text`);
  }

  maybeText(key: string): string | undefined {
    return this.get(key) === undefined ? undefined : this.text(key);
  }

  /** A whole number from 0 on that JavaScript holds exactly. */
  count(key: string): number {
    const value = this.get(key);
    if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number;
    throw invalid(`"${key}" is no number`);
  }

  maybeCount(key: string): number | undefined {
    return this.get(key) === undefined ? undefined : this.count(key);
  }

  /** A message within this one. */
  maybePart(key: string): Message | undefined {
    const part = this.get(key);
    return part === undefined ? undefined : new Message({ part });
  }

  /** The same where it has to be there. */
  part(key: string): Message {
    return new Message({ part: this.get(key) });
  }

  /** A list of messages within this one. */
  maybeParts(key: string): Message[] | undefined {
    const parts = this.get(key);
    if (parts === undefined) return undefined;
    if (Array.isArray(parts)) return parts.map((part: unknown) => new Message({ part }));
    throw invalid(`"${key}" is no list`);
  }

  /** Texts, each of which `isRight` accepts. */
  texts(key: string, isRight: (text: string) => boolean): string[] {
    const value = this.get(key);
    const isOne = (each: unknown): each is string => typeof each === 'string' && isRight(each);
    if (Array.isArray(value) && value.every(isOne)) return value;
    throw invalid(`"${key}" is no list of such names`);
  }

  isTrue(key: string): boolean {
    return this.get(key) === true;
  }

  oneOf<T extends string>(key: string, words: readonly T[]): T {
    const value = this.get(key);
    const found = words.find((word) => word === value);
    if (found !== undefined) return found;
    throw invalid(`"${key}" is none of ${words.join(', ')}`);
  }

  matching(key: string, pattern: RegExp): string {
    const value = this.text(key);
    if (pattern.test(value)) return value;
    throw invalid(`"${key}" has another form`);
  }

  /** The name of a WAL file: nothing else may become a part of a path. */
  walName(key: string): string {
    const value = this.text(key);
    if (parseWalFileName(value) !== undefined) return value;
    throw new ProgramError('invalid-name', `"${value.slice(0, 100)}" is not the name of a WAL file`);
  }

  /** Two numbers. */
  pair(key: string): [number, number] {
    const value = this.get(key);
    if (Array.isArray(value) && value.length === 2 && value.every((each) => Number.isSafeInteger(each)))
      return [value[0] as number, value[1] as number];
    throw invalid(`"${key}" is no pair of numbers`);
  }
}

export const encodings: readonly Encoding[] = ['none', 'zstd'];

const decimal = /^[0-9]{1,20}$/;
const sha256 = /^[0-9a-f]{64}$/;

/** A hello, whole; throws `protocol` for one that lacks something. */
export function readHello(message: Message): Hello {
  const archive = message.maybeText('archive');
  const epoch = message.maybeCount('epoch');
  return {
    verb: message.oneOf('verb', ['hello']),
    versions: message.pair('versions'),
    client: message.text('client'),
    system_identifier: message.matching('system_identifier', decimal),
    segment_size: message.count('segment_size'),
    control_version: message.count('control_version'),
    node: message.matching('node', /^([0-9a-f]{16}|unrecorded)$/),
    node_name: message.text('node_name'),
    timeline: message.count('timeline'),
    directory: message.text('directory'),
    url: message.text('url'),
    ...(archive !== undefined && { archive }),
    ...(epoch !== undefined && { epoch }),
    note: message.text('note'),
    purpose: message.oneOf('purpose', ['read', 'write']),
    ...(message.isTrue('look') && { look: true as const }),
  };
}

export function readPut(message: Message): Put {
  return {
    verb: message.oneOf('verb', ['put', 'would-put']),
    name: message.walName('name'),
    size: message.count('size'),
    sha256: message.matching('sha256', sha256),
    encoding: message.oneOf('encoding', encodings),
    store: message.oneOf('store', encodings),
  };
}

export function readWelcome(message: Message): Welcome {
  if (message.text('reply') !== 'welcome') throw faultOf(message);
  const archive = message.maybeText('archive');
  return {
    reply: 'welcome',
    version: message.count('version'),
    receiver: message.text('receiver'),
    ...(archive !== undefined && { archive }),
    vacant: message.isTrue('vacant'),
    may_read: message.isTrue('may_read'),
  };
}
