// Before each test file: where its sandboxes are. vitest's, as global-setup.ts.
import { expect } from 'vitest';

import { preferMemory } from './sandbox.ts';

/** Scenarios of clusters and of nodes, and what copies the installation. The roads, the faults and the archiving stay on a disk. */
const inMemory =
  /\/test\/(server|trigger|bin|restore|relay|cluster|backup|postgres|walk|demo|archive\/policies)\//;

if (inMemory.test(expect.getState().testPath ?? '')) preferMemory();
