// What a bundle loads as a file of its own: plugins for esbuild. Each road has its state once in a process.
import type { Plugin } from 'esbuild';

export const wayIsLater: Plugin = {
  name: 'ssh_config is read by a file of its own',
  setup: (building) => {
    building.onResolve({ filter: /\/read-way\.ts$/ }, ({ kind }) =>
      kind === 'dynamic-import' ? { path: './cold/read-way.cjs', external: true } : undefined,
    );
  },
};

const networkAt = (path: string): Plugin => ({
  name: 'the network road is a file of its own',
  setup: (building) => {
    building.onResolve({ filter: /\/open-ssh\.ts$/ }, () => ({ path, external: true }));
  },
});
/** For what lies in dist/cold/. */
export const networkIsShared = networkAt('../open-ssh.cjs');
/** For what scripts/hot-loader.cjs runs, in dist/. */
export const networkIsBeside = networkAt('./open-ssh.cjs');

/** For the single files in dist/cold/: each would have it once more. */
export const rsyncIsShared: Plugin = {
  name: 'the road over rsync is a file of its own',
  setup: (building) => {
    building.onResolve({ filter: /\/open-rsync\.ts$/ }, () => ({ path: './open-rsync.js', external: true }));
  },
};

export const sftpIsLoadedLater: Plugin = {
  name: 'SFTP is a file of its own',
  setup: (building) => {
    building.onResolve({ filter: /\/open-sftp\.ts$/ }, () => ({ path: './sftp.cjs', external: true }));
  },
};
