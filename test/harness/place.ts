// Before each test file: where its sandboxes are. vitest's, as global-setup.ts.
import { expect } from 'vitest';

import { preferMemory } from './sandbox.ts';

/** The scenarios of whole clusters. */
const ofServers = /\/test\/(server|trigger)\//;

if (ofServers.test(expect.getState().testPath ?? '')) preferMemory();
