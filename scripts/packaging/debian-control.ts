// DEBIAN/ of the package: what dpkg is told of it.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Entry, Tree } from './debian-tree.ts';
import { manifest } from './man-pages.ts';

export interface Description {
  version: string;
  /** As Debian calls it: 'amd64'. */
  architecture: string;
  depends: string;
  /** Of the changelog, in seconds. */
  epoch: number;
}

const maintainer = manifest.author ?? 'twowarm developers <twowarm@localhost>';

/** '1.0.0-rc.1' is before '1.0.0', for dpkg only with a tilde. */
export const debianVersion = (version: string): string => version.replace('-', '~');

const bytesOf = (entry: Entry): Buffer | undefined => {
  if (entry.kind === 'link') return undefined;
  return entry.kind === 'file' ? readFileSync(entry.from) : Buffer.from(entry.content);
};

const directoriesOf = (path: string): string[] =>
  path.split('/').flatMap((_, depth, parts) => (depth === 0 ? [] : parts.slice(0, depth).join('/')));

/** In KiB, as dpkg-gencontrol counts: every file by its blocks, everything else as one. */
function installedSize(tree: Tree, sizes: ReadonlyMap<string, number>): number {
  const directories = new Set([...tree.keys()].flatMap(directoriesOf));
  return [...tree.keys()].reduce(
    (sum, path) => sum + Math.max(1, Math.ceil((sizes.get(path) ?? 0) / 1024)),
    directories.size,
  );
}

const long = ` twowarm is called by archive_command and restore_command. It stores finished
 WAL files durably at every destination, by directory or over ssh, brings
 them back, waits for them, never replaces one, and turns a standby into a
 primary. It takes up 2warm and pg_standby, whose program it has, too.
 .
 The package carries the Node.js that the programs run on. It enables and
 starts nothing.`;

/** An entry for the changelog of Debian; what has changed is in CHANGELOG.md. */
export function renderChangelog({ version, epoch }: Pick<Description, 'version' | 'epoch'>): string {
  const date = new Date(epoch * 1000).toUTCString().replace('GMT', '+0000');
  return `twowarm (${debianVersion(version)}) unstable; urgency=medium\n\n  * See CHANGELOG.md.\n\n -- ${maintainer}  ${date}\n`;
}

/** The files of DEBIAN/ by name. */
export function debianControl(tree: Tree, { version, architecture, depends }: Description): Tree {
  const sizes = new Map<string, number>();
  const sums: string[] = [];
  for (const [path, entry] of tree) {
    const bytes = bytesOf(entry);
    if (bytes === undefined) continue;
    sizes.set(path, bytes.length);
    sums.push(`${createHash('md5').update(bytes).digest('hex')}  ${path}`);
  }
  const control = [
    'Package: twowarm',
    `Version: ${debianVersion(version)}`,
    `Architecture: ${architecture}`,
    `Maintainer: ${maintainer}`,
    `Installed-Size: ${installedSize(tree, sizes)}`,
    `Depends: ${depends}`,
    // Not recommended: beside a server of PGDG, or on a machine with archives only, apt would install and start another one.
    'Suggests: postgresql, openssh-client, openssh-server, rsync',
    'Section: database',
    'Priority: optional',
    "Description: ships PostgreSQL's write-ahead log to standbys and brings it back",
    long,
    '',
  ].join('\n');
  const scripts = ['postinst', 'prerm', 'postrm'].map((name): [string, Entry] => [
    `DEBIAN/${name}`,
    { kind: 'file', from: join(import.meta.dirname, 'debian', name), mode: 0o755 },
  ]);
  return new Map<string, Entry>([
    ['DEBIAN/control', { kind: 'text', content: control, mode: 0o644 }],
    ['DEBIAN/md5sums', { kind: 'text', content: `${sums.join('\n')}\n`, mode: 0o644 }],
    ...scripts,
  ]);
}
