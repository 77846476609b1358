// Two projects: `house` needs nothing but the sources; `all` runs real programs, disks and servers.
import { defineConfig } from 'vitest/config';

import LongestFirst, { RecordDurations } from './test/harness/longest-first.ts';

const isRecorded = process.env['TWOWARM_RECORD_DURATIONS'] === 'yes';

export default defineConfig({
  test: {
    reporters: ['default', './test/harness/closing-line.ts', ...(isRecorded ? [new RecordDurations()] : [])],
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          name: 'house',
          include: ['test/house/**/*.test.ts'],
          testTimeout: 20_000,
          // vitest wants projects with another number of workers to be in a group of their own.
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'all',
          include: ['test/**/*.test.ts'],
          exclude: ['test/house/**', '**/node_modules/**'],
          globalSetup: ['./test/harness/global-setup.ts'],
          setupFiles: ['./test/harness/place.ts'],
          testTimeout: 60_000,
          hookTimeout: 180_000,
          // More than there are processors: some of the time goes by in waiting, for servers and for what comes at its pace.
          maxWorkers: 4,
        },
      },
    ],
  },
});
