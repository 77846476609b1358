// Two projects: `house` needs nothing but the sources; `all` runs real programs, disks and servers.
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    reporters: ['default', './test/harness/closing-line.ts'],
    projects: [
      { test: { name: 'house', include: ['test/house/**/*.test.ts'], testTimeout: 20_000 } },
      {
        test: {
          name: 'all',
          include: ['test/**/*.test.ts'],
          exclude: ['test/house/**', '**/node_modules/**'],
          globalSetup: ['./test/harness/global-setup.ts'],
          testTimeout: 60_000,
          hookTimeout: 180_000,
          maxWorkers: 3,
        },
      },
    ],
  },
});
