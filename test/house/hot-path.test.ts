// What the programs load that PostgreSQL calls for every segment, from esbuild's own account of the build.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Script } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { carriedNode } from '../harness/source-script.ts';
import { read, root } from './sources.ts';

interface Output {
  inputs: Record<string, unknown>;
  imports: { path: string; kind: string; external?: boolean }[];
}

const { outputs } = JSON.parse(read('dist/metafile.json')) as { outputs: Record<string, Output> };
const hot = ['archiveWALFile', 'restoreWALFile', 'pg_standby'];
/** Modules of Node that a program loads only when it has to. */
const rare: Record<string, string> = { pg_standby: 'node:inspector' };

describe.each(hot)('dist/hot/%s.cjs', (program) => {
  const entry = `dist/hot/${program}.cjs`;
  const output = outputs[entry]!;
  const source = read(entry);

  it('is one file that loads only modules of Node at once', () => {
    const required = output.imports.map(({ path }) => path).filter((path) => !path.startsWith('./'));
    const later = rare[program] ?? 'node:crypto';
    expect(new Set(required)).toEqual(new Set(['node:fs', 'node:path', 'node:util', later]));
  });

  it('holds no library', () => {
    expect(Object.keys(output.inputs).filter((input) => input.includes('node_modules'))).toEqual([]);
  });

  it('loads the rest by name and only when it is needed, and what it names was built', () => {
    const later = [...new Set(output.imports.map(({ path }) => path))].filter(
      (path) => path.startsWith('./') || path === (rare[program] ?? 'node:crypto'),
    );
    expect(later.length).toBeGreaterThan(2);
    for (const path of later) {
      const all = source.split(`require("${path}")`).length - 1;
      const lazy = [
        ...source.matchAll(/Promise\.resolve\(\)\.then\(\(\)=>(?:__toESM\()?require\("([^"]+)"\)/g),
      ];
      expect(lazy.filter((match) => match[1] === path).length, path).toBe(all);
      if (path.startsWith('.')) expect(statSync(join(root, 'dist', path)).size).toBeGreaterThan(0);
    }
  });

  it('stays small: V8 checks its source at every call', () => {
    expect(statSync(join(root, entry)).size).toBeLessThan(110_000);
  });
});

describe.each([...hot, 'receive', 'copy-side', 'open-ssh', 'copy-to'])(
  'dist/hot/%s.cjs, as its loader reads it,',
  (bundle) => {
    const entry = `dist/hot/${bundle}.cjs`;
    const source = read(entry);

    it('is plain ASCII', () => {
      expect([...source].every((character) => character.charCodeAt(0) < 128)).toBe(true);
    });

    it('has a code cache that this Node accepts', () => {
      const build = source.slice(-17).trim();
      const file = readFileSync(
        join(root, `dist/hot/${bundle}.${build}.${process.version}-${process.arch}.cache`),
      );
      // What the loader takes for a hole.
      expect(file.includes(Buffer.alloc(512))).toBe(false);
      expect(file.toString('latin1', file.length - build.length)).toBe(build);
      const cachedData = file.subarray(0, file.length - build.length);
      expect(new Script(source, { filename: entry, cachedData }).cachedDataRejected).toBe(false);
    });
  },
);

describe.each(['copy-to', 'open-ssh'])('the code cache of %s', (bundle) => {
  it('is taken under the flags that the launcher gives a base backup, too', () => {
    const launcher = read('bin/launch.sh');
    const [, flags] = /heap='(--[^']+)'/.exec(launcher)!;
    const [, made] = /made='([^']+)'/.exec(launcher)!;
    const file = join(root, `dist/hot/${bundle}.cjs`);
    const cache = readdirSync(join(root, 'dist/hot')).find(
      (name) => name.startsWith(`${bundle}.`) && name.endsWith('.cache'),
    )!;
    const script = `${made}const fs=require('fs'),{Script}=require('vm'),[,file,cache]=process.argv;
      const bytes=fs.readFileSync(cache);
      console.log(new Script(fs.readFileSync(file,'latin1'),{filename:file,cachedData:bytes.subarray(0,bytes.length-16)}).cachedDataRejected)`;
    const said = execFileSync(carriedNode(), [
      ...flags!.split(' '),
      '-e',
      script,
      '--',
      file,
      join(root, 'dist/hot', cache),
    ]);
    expect(said.toString()).toBe('false\n');
  });
});

describe('the network road', () => {
  const importing = Object.entries(outputs).filter(([, { imports }]) =>
    imports.some(({ path }) => path.endsWith('/open-ssh.cjs')),
  );

  it('is one file that every program loads from its place, so that connections are shared', () => {
    expect(importing.length).toBeGreaterThan(hot.length);
    for (const [output, { imports }] of importing) {
      const wanted = output.startsWith('dist/cold/') ? '../open-ssh.cjs' : './open-ssh.cjs';
      const paths = imports.map(({ path }) => path).filter((path) => path.includes('open-ssh'));
      expect(new Set(paths), output).toEqual(new Set([wanted]));
      expect(output).toMatch(/^dist\/(cold|hot)\//);
    }
  });

  it('runs without the native part of ssh2, which can abort the process that has loaded it', () => {
    const ssh2 = createRequire(import.meta.url)('ssh2/lib/protocol/crypto.js') as {
      bindingAvailable: boolean;
    };
    expect(ssh2.bindingAvailable).toBe(false);
    expect(/require\([^)]*sshcrypto/.test(read('dist/hot/open-ssh.cjs'))).toBe(false);
  });

  it('loads what reads ssh_config as a file of its own, and only where there is one', () => {
    const inputs = Object.keys(outputs['dist/hot/open-ssh.cjs']!.inputs);
    expect(inputs.filter((input) => /node_modules\/ssh-config\/|config\/evaluate\.ts/.test(input))).toEqual(
      [],
    );
    const later = read('dist/hot/open-ssh.cjs').match(/require\("\.\/cold\/read-way\.cjs"\)/g);
    expect(later).toHaveLength(1);
    const way = outputs['dist/cold/read-way.cjs']!;
    expect(Object.keys(way.inputs).some((input) => input.includes('node_modules/ssh-config/'))).toBe(true);
  });

  it('cannot be made to run commands by an ssh_config: what the library would run them with is left out', () => {
    const ofLibrary = Object.entries(outputs).filter(([, { inputs }]) =>
      Object.keys(inputs).some((input) => input.includes('node_modules/ssh-config/')),
    );
    expect(ofLibrary.length).toBeGreaterThan(1);
    for (const [output, { imports }] of ofLibrary)
      expect(
        imports.map(({ path }) => path),
        output,
      ).not.toContain('node:child_process');
  });

  it('and the receiver that sshd starts for each connection load no parser, no log, no zod', () => {
    for (const bundle of ['receive', 'open-ssh']) {
      const inputs = Object.keys(outputs[`dist/hot/${bundle}.cjs`]!.inputs);
      expect(inputs.filter((input) => /node_modules\/(yargs|pino|zod)\//.test(input))).toEqual([]);
    }
  });
});
