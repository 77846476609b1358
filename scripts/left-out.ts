// What of the sources, and of libraries, a bundle does without: plugins for esbuild.
import { readFileSync } from 'node:fs';
import type { Plugin } from 'esbuild';

/** ssh-config can run commands that a configuration names; only its parser is used, and what it runs them with is left out. */
export const nothingIsRun: Plugin = {
  name: 'ssh-config runs nothing',
  setup: (building) => {
    building.onResolve({ filter: /^node:child_process$/ }, ({ path, importer }) =>
      importer.includes('/ssh-config/') ? { path, namespace: 'not-run' } : undefined,
    );
    building.onLoad({ filter: /.*/, namespace: 'not-run' }, () => ({
      contents: "export const spawnSync = () => { throw new Error('left out'); };",
    }));
  },
};

/** Nothing is mounted in a program that PostgreSQL calls, nor in a receiver: what the road by SFTP does, its own file holds. */
export const nothingIsFar: Plugin = {
  name: 'nothing is far',
  setup: (building) => {
    building.onLoad({ filter: /\/program\/far-files\.ts$/ }, () => ({
      contents: `export const isFar = () => false;
        export const lastingName = (path) => path;
        export const wherever = (_, here) => here;
        export const onFile = (_, here) => here;`,
    }));
  },
};

/** A program that PostgreSQL calls needs the exit codes; what they mean, --help and the documents say, which are cold. */
export const meaningsAreLeftOut: Plugin = {
  name: 'what exit codes mean is left out',
  setup: (building) => {
    building.onLoad({ filter: /\/program\/error-kinds\.ts$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8').replace(/(kind\(\s*\d+,\s*)('(?:[^'\\]|\\.)*'|"[^"]*")/g, "$1''"),
      loader: 'ts',
    }));
  },
};

/**
 * How wide a text is on a terminal decides the help; what tells the widths of all scripts and emoji takes 20 ms to make, which
 * each call that has an option would pay.
 */
export const widthsAreLater: Plugin = {
  name: 'widths are made when they are needed',
  setup: (building) => {
    building.onLoad({ filter: /\/string-width\/index\.js$/ }, ({ path }) => {
      const source = readFileSync(path, 'utf8');
      const costly = [...source.matchAll(/^const (\w+) = (?:new Intl\.Segmenter\(\)|\/.*\\p\{.*\/\w+);$/gm)];
      if (costly.length < 2) throw new Error(`${path} is no longer what it was`);
      const later = costly.reduce(
        (text, [line, name]) =>
          text
            .replace(line, '')
            .replaceAll(new RegExp(`\\b${name}\\b`, 'g'), `(${name}.made ??= ${name}.make())`) +
          line.replace(/= (.*);$/, '= { make: () => $1 };\n'),
        source,
      );
      return { contents: later };
    });
  },
};

/** zod's words in fifty languages: a fifth of a program that speaks English. */
export const onlyEnglish: Plugin = {
  name: 'of zod the English words only',
  setup: (building) => {
    building.onLoad({ filter: /\/zod\/v4\/locales\/index\.js$/ }, () => ({ contents: 'export {};' }));
  },
};

/** What changes a text by one that must be there. */
function replaced(text: string, before: string, after: string): string {
  if (text.split(before).length !== 2) throw new Error(`ssh2 has no longer one "${before}"`);
  return text.replace(before, after);
}

/** ssh2 makes a cipher of each packet; of a key that is ready for use in a tenth of the time. */
export const keysAreReady: Plugin = {
  name: "ssh2's keys are ready for use",
  setup: (building) => {
    building.onLoad({ filter: /\/ssh2\/lib\/protocol\/crypto\.js$/ }, ({ path }) => {
      const source = readFileSync(path, 'utf8');
      const ready = (key: string): string => `require('crypto').createSecretKey(${key});`;
      const sending = replaced(
        source,
        'this._encKey = enc.cipherKey;',
        `this._encKey = ${ready('enc.cipherKey')}`,
      );
      return {
        contents: replaced(
          sending,
          'this._decipherKey = dec.decipherKey;',
          `this._decipherKey = ${ready('dec.decipherKey')}`,
        ),
      };
    });
  },
};

/** ssh2's server, and its agents for HTTP, which nobody here is: with TLS and all that these load, 10 ms of each call over ssh. */
export const onlyClient: Plugin = {
  name: 'of ssh2 the client only',
  setup: (building) => {
    building.onLoad({ filter: /\/ssh2\/lib\/(http-agents|server)\.js$/ }, () => ({
      contents: 'module.exports = {};',
    }));
  },
};

/**
 * With Node.js 24 a garbage collection can abort the process that has loaded ssh2's native part: the destructor of its
 * ciphers fails an assertion in node::RemoveEnvironmentCleanupHook. Without it ssh2 uses node:crypto: 2 ms more a segment.
 */
export const nativeIsLeftOut: Plugin = {
  name: "ssh2's native part is left out",
  setup: (building) => {
    building.onResolve({ filter: /\/sshcrypto\.node$/ }, ({ path }) => ({ path, namespace: 'left-out' }));
    building.onLoad({ filter: /.*/, namespace: 'left-out' }, () => ({
      contents: "throw new Error('left out')",
    }));
  },
};
