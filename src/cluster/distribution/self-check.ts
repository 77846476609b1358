// Whether an installation runs where it is, and as what: distrib2warm has a copy say it before anything uses that. What
// twowarm asks of a machine beyond files is its ciphers: those of the OpenSSL that Node.js carries, for ssh.
import { createCipheriv, createHash } from 'node:crypto';
import { ProgramError } from '../../program/program-error.ts';
import { build, version } from '../../program/version.ts';

export interface SelfCheck {
  version: string;
  build: string;
  /** 'v24.21.0' */
  node: string;
  /** As Node.js names it: 'x64', 'arm64'. */
  architecture: string;
  /** How fast this machine encrypts for ssh and hashes, in MB/s, by one thread. */
  aesMbPerSecond: number;
  sha256MbPerSecond: number;
}

/** The cipher that our ssh prefers. */
const cipher = 'aes-128-gcm';
const pieceBytes = 64 * 1024;
const measuredBytes = 16 * 1024 * 1024;

/** Test case 2 of "The Galois/Counter Mode of Operation" (McGrew, Viega), and "abc" of FIPS 180-4's examples. */
const known = {
  encrypted: '0388dace60b6a392f328c2b971b2fe78ab6e47d42cec13bdf53a67b21257bddf',
  hashed: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
};

const encryption = () => createCipheriv(cipher, Buffer.alloc(16), Buffer.alloc(12));

/** Throws `unsuited` where a cipher is missing or gives another answer than everybody's. */
function checkCiphers(): void {
  let found: object;
  try {
    const aes = encryption();
    const text = [aes.update(Buffer.alloc(16)), aes.final(), aes.getAuthTag()];
    found = {
      encrypted: Buffer.concat(text).toString('hex'),
      hashed: createHash('sha256').update('abc').digest('hex'),
    };
  } catch (cause) {
    throw unsuited(`Node.js says: ${(cause as Error).message}.`, cause);
  }
  if (JSON.stringify(found) !== JSON.stringify(known)) throw unsuited('It gives wrong answers.');
}

const unsuited = (detail: string, cause?: unknown): ProgramError =>
  new ProgramError('unsuited', `cannot use ${cipher} and SHA-256 of this Node.js`, { detail, cause });

function rateOf(use: (piece: Buffer) => unknown): number {
  const piece = Buffer.alloc(pieceBytes, 'twowarm');
  const beganMs = performance.now();
  for (let bytes = 0; bytes < measuredBytes; bytes += pieceBytes) use(piece);
  return Math.round(measuredBytes / 1000 / (performance.now() - beganMs));
}

/** Throws `unsuited`. Takes some 30 ms. */
export function checkSelf(): SelfCheck {
  checkCiphers();
  const [aes, hash] = [encryption(), createHash('sha256')];
  return {
    version,
    build,
    node: process.version,
    architecture: process.arch,
    aesMbPerSecond: rateOf((piece) => aes.update(piece)),
    sha256MbPerSecond: rateOf((piece) => hash.update(piece)),
  };
}

/** 'twowarm 0.1.0, Node.js v24.21.0 for x64, native crypto: yes (AES-128-GCM 1900 MB/s, SHA-256 1500 MB/s)' */
export const describeSelfCheck = (found: SelfCheck): string =>
  `twowarm ${found.version}, Node.js ${found.node} for ${found.architecture}, native crypto: yes (AES-128-GCM ${found.aesMbPerSecond} MB/s, SHA-256 ${found.sha256MbPerSecond} MB/s)`;

/** Reads what a copy has said of itself; undefined where that is no such answer. */
export function readSelfCheck(text: string): SelfCheck | undefined {
  try {
    const { version, build, node, architecture, aesMbPerSecond, sha256MbPerSecond } = JSON.parse(
      text,
    ) as SelfCheck;
    const words = [version, build, node, architecture];
    const rates = [aesMbPerSecond, sha256MbPerSecond];
    const isWhole =
      words.every((word) => typeof word === 'string') && rates.every((rate) => typeof rate === 'number');
    if (!isWhole) return undefined;
    return { version, build, node, architecture, aesMbPerSecond, sha256MbPerSecond };
  } catch {
    return undefined;
  }
}
