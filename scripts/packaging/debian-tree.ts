// What lies where once the Debian package is installed, as a table: path → content. Nothing is written here.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { renderRelayInstances } from '../service-templates.ts';
import { renderBashCompletion } from './bash-completion.ts';
import { manifest, renderManPages } from './man-pages.ts';

const root = join(import.meta.dirname, '..', '..');

export type Entry =
  | { kind: 'text'; content: string | Buffer; mode: number }
  /** Copied from there. */
  | { kind: 'file'; from: string; mode: number }
  | { kind: 'link'; target: string };

/** By the path without its first slash. */
export type Tree = Map<string, Entry>;

export interface Contents {
  version: string;
  /** The directory of the package node-linux-<arch>. */
  runtime: string;
  /** As Node.js calls it: 'x64'. */
  nodeArchitecture: string;
  changelog: string;
}

const lib = 'usr/lib/twowarm';
const share = 'usr/share/twowarm';
const doc = 'usr/share/doc/twowarm';

const text = (content: string): Entry => ({ kind: 'text', content, mode: 0o644 });
/** The same text gives the same bytes: neither name nor time are in it. */
const compressed = (content: string): Entry => ({
  kind: 'text',
  content: gzipSync(content, { level: 9 }),
  mode: 0o644,
});
const copy = (from: string): Entry => ({
  kind: 'file',
  from,
  mode: statSync(from).mode & 0o100 ? 0o755 : 0o644,
});

/** What the programs do not load. */
const notPrograms = /^(man\/|twowarm\.bash$|LICENSES$|metafile\.json$|\.)/;

/** A code cache that V8 has made for another kind of machine: it would never be read, by its name. */
const isForeign = (name: string, architecture: string): boolean =>
  name.endsWith('.cache') && !name.endsWith(`-${architecture}.cache`);

function* programs({ runtime, nodeArchitecture }: Contents): Iterable<[string, Entry]> {
  for (const name of readdirSync(join(root, 'bin')))
    yield [`${lib}/bin/${name}`, copy(join(root, 'bin', name))];
  for (const name of readdirSync(join(root, 'dist'), { recursive: true, encoding: 'utf8' })) {
    const from = join(root, 'dist', name);
    if (notPrograms.test(name) || isForeign(name, nodeArchitecture) || !statSync(from).isFile()) continue;
    yield [`${lib}/dist/${name}`, copy(from)];
  }
  yield [`${lib}/package.json`, copy(join(root, 'package.json'))];
  yield [`${lib}/node_modules/${basename(runtime)}/bin/node`, copy(join(runtime, 'bin', 'node'))];
  yield [`${lib}/node_modules/${basename(runtime)}/package.json`, copy(join(runtime, 'package.json'))];
  // Where the programs look for what they name in a hint.
  yield [`${lib}/docs`, { kind: 'link', target: `../../share/doc/twowarm/docs` }];
  yield [`${lib}/conf-templates`, { kind: 'link', target: `../../share/twowarm/conf-templates` }];
  for (const program of Object.keys(manifest.bin))
    yield [`usr/bin/${program}`, { kind: 'link', target: `../lib/twowarm/bin/${program}` }];
}

async function* forPeople({ version, changelog, runtime }: Contents): AsyncIterable<[string, Entry]> {
  const places = { version, prefix: '/usr', documents: `/${doc}/docs` };
  for (const [name, source] of await renderManPages(places)) {
    const other = /^\.so man1\/(.*)\n$/.exec(source)?.[1];
    const entry: Entry = other === undefined ? compressed(source) : { kind: 'link', target: `${other}.gz` };
    yield [`usr/share/man/man${name.at(-1)}/${name}.gz`, entry];
  }
  const completions = 'usr/share/bash-completion/completions';
  yield [`${completions}/twowarm`, text(await renderBashCompletion())];
  for (const program of Object.keys(manifest.bin))
    if (program !== 'twowarm') yield [`${completions}/${program}`, { kind: 'link', target: 'twowarm' }];
  for (const name of ['README.md', 'ARCHITECTURE.md', 'CHANGELOG.md'])
    yield [`${doc}/${name}`, copy(join(root, name))];
  for (const name of readdirSync(join(root, 'docs')))
    yield [`${doc}/docs/${name}`, copy(join(root, 'docs', name))];
  yield [`${doc}/changelog.gz`, compressed(changelog)];
  yield [`${doc}/copyright`, text(copyright(runtime))];
}

/** Our own licence, those of what is bundled, and that of Node.js with all it contains. */
function copyright(runtime: string): string {
  const { version } = JSON.parse(readFileSync(join(runtime, 'package.json'), 'utf8')) as { version: string };
  const node = readFileSync(join(runtime, 'LICENSE'), 'utf8');
  if (!node.includes('Node.js is licensed for use as follows'))
    throw new Error(`${runtime}/LICENSE is another licence`);
  return [
    'twowarm\n',
    readFileSync(join(root, 'LICENSE'), 'utf8'),
    `The directory of the following texts is /${lib}/dist.\n`,
    readFileSync(join(root, 'dist', 'LICENSES'), 'utf8'),
    `${'-'.repeat(80)}\nNode.js ${version}: /${lib}/node_modules/${basename(runtime)}/bin/node, as the Node.js project has published it\n`,
    node,
  ].join('\n');
}

/** The templates name the programs where a package has them; its relay comes as a unit, not as a template. */
function* templates(): Iterable<[string, Entry]> {
  for (const name of readdirSync(join(root, 'conf-templates'))) {
    if (name === 'twowarm-relay.service') continue;
    const template = readFileSync(join(root, 'conf-templates', name), 'utf8');
    yield [`${share}/conf-templates/${name}`, text(template.replaceAll('/usr/local/bin/', '/usr/bin/'))];
  }
  yield ['usr/lib/systemd/system/twowarm-relay@.service', text(renderRelayInstances())];
  yield ['usr/share/lintian/overrides/twowarm', text(overrides)];
}

const overrides = `# Node.js, and the text of its licences, are byte for byte what its project has published.
twowarm: unstripped-binary-or-object [usr/lib/twowarm/node_modules/*]
twowarm: hardening-no-pie [usr/lib/twowarm/node_modules/*]
twowarm: embedded-library *
twowarm: copyright-file-contains-full-apache-2-license
twowarm: copyright-not-using-common-license-for-gpl
twowarm: old-fsf-address-in-copyright-file
# Only to list the instances that run, and to read the units again.
twowarm: maintainer-script-calls-systemctl *
`;

/** Everything, in the order of the paths. */
export async function debianTree(contents: Contents): Promise<Tree> {
  const entries: [string, Entry][] = [...programs(contents), ...templates()];
  for await (const entry of forPeople(contents)) entries.push(entry);
  return new Map(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}
