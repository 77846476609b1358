// Becomes dist/archiveWALFile.cjs, dist/open-ssh.cjs and so on: runs the bundle of the same name in hot/ with the code that
// V8 made of it at build time, which saves each call 4 ms, and 30 where it is large.
'use strict';
const { readFileSync } = require('node:fs');
const { basename, join } = require('node:path');
const { Script } = require('node:vm');

/** The least that a file system leaves out of a file that was just written when the machine crashes. */
const emptyBlock = Buffer.alloc(512);

const program = basename(__filename, '.cjs');
const filename = join(__dirname, 'hot', `${program}.cjs`);

/**
 * The cache of the very build whose hash the bundle ends with: V8 itself compares no more than the text's length, and dies of
 * a signal over a cache with a hole. Whoever writes one ends it with the hash, and fills no page with zeros.
 */
function readCache(text) {
  const build = text.slice(text.lastIndexOf('//') + 2).trim();
  let bytes;
  try {
    bytes = readFileSync(
      join(__dirname, 'hot', `${program}.${build}.${process.version}-${process.arch}.cache`),
    );
  } catch {
    // Another Node.js or another kind of machine than the one of the build.
    return undefined;
  }
  const length = bytes.length - build.length;
  const isWhole = length > 0 && bytes.latin1Slice(length) === build && !bytes.includes(emptyBlock);
  return isWhole ? bytes.subarray(0, length) : undefined;
}

// The bundle is plain ASCII (esbuild escapes the rest), which latin1 reads fastest. It is one function, which gives what
// it exports. Of a program that is main(); bin/launch.sh calls it, and takes whatever goes wrong until then for an
// incomplete installation.
const text = readFileSync(filename, 'latin1');
// Zeros are what a crash of the machine leaves of a file that was just written; V8 would abort over some of them.
if (text.includes('\0')) throw new SyntaxError(`${filename} contains zero bytes`);
const script = new Script(text, { filename, cachedData: readCache(text) });
module.exports = script.runInThisContext()(require, join(__dirname, 'hot'));
