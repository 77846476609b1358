// How fast this machine hashes and encrypts: every segment that goes over ssh is hashed, and encrypted by the OpenSSL that is
// part of Node.js. The native part of the ssh library is left out on purpose (scripts/build.ts says why).
import { createCipheriv, createHash, randomBytes } from 'node:crypto';
import { readSegmentSize } from '../../postgres/control-file.ts';
import { readRoadUrl } from '../../program/road-url.ts';
import { configuredUrls } from '../configured-urls.ts';
import { ok, warning } from './findings.ts';
import type { Scene } from './scene.ts';
import type { Step } from './step.ts';

const pieceBytes = 256 * 1024;
/** Measured for so long each, in ms: enough for a few MB also on a slow machine. */
const measureMs = 15;
/** And for so many pieces at least: on a busy machine one alone may have been interrupted. */
const leastPieces = 24;

/** MB/s, of the fastest piece: what else runs on the machine only makes it slower. */
function rateOf(work: () => void): number {
  let fastestMs = Infinity;
  const until = performance.now() + measureMs;
  for (let pieces = 0; pieces < leastPieces || performance.now() < until; pieces++) {
    const begun = performance.now();
    work();
    fastestMs = Math.min(fastestMs, performance.now() - begun);
  }
  return Math.round(pieceBytes / 1024 ** 2 / (Math.max(fastestMs, 0.001) / 1000));
}

/** MB/s of the cipher of our connections and of the hash of every transfer. */
function measure(): { aesMbPerSecond: number; sha256MbPerSecond: number } {
  const piece = randomBytes(pieceBytes);
  const cipher = createCipheriv('aes-128-gcm', randomBytes(16), randomBytes(12));
  return {
    aesMbPerSecond: rateOf(() => void cipher.update(piece)),
    sha256MbPerSecond: rateOf(() => void createHash('sha256').update(piece).digest()),
  };
}

/** A segment in this time, in ms, is more than a busy primary makes. */
const segmentWithinMs = 100;

const usesNetwork = ({ node: { settings } }: Scene): boolean =>
  configuredUrls(settings).some((url) => !['directory', 'unusable'].includes(readRoadUrl(url).kind));

export const nativeCrypto: Step = {
  id: 'native-crypto',
  looksAt:
    'How fast AES-128-GCM and SHA-256 are here, in native code: below a segment in 100 ms the processor, and not the line, limits the roads of the network.',
  needs: ['configuration'],
  doing: () => 'measure the crypto',
  run: (scene) => {
    const figures = measure();
    const wanted = Math.round(
      readSegmentSize(scene.node.settings.dataDirectory) / 1024 ** 2 / (segmentWithinMs / 1000),
    );
    const words = `AES-128-GCM ${figures.aesMbPerSecond} MB/s, SHA-256 ${figures.sha256MbPerSecond} MB/s`;
    const isSlow = Math.min(figures.aesMbPerSecond, figures.sha256MbPerSecond) < wanted;
    if (!isSlow || !usesNetwork(scene)) return [ok(`native: ${words}`, { figures })];
    return [
      warning(`hashing or encrypting is slow here: ${words}`, {
        detail: `A segment within ${segmentWithinMs} ms needs ${wanted} MB/s of both.`,
        hint: 'Does the processor have AES instructions (grep -c aes /proc/cpuinfo), and does the virtual machine show them?',
        figures,
      }),
    ];
  },
};
