// Before each test file: where its sandboxes are. vitest's, as global-setup.ts.
import { expect } from 'vitest';

import { preferMemory } from './sandbox.ts';

/** The scenarios of whole clusters; and tests that copy the installation again and again. */
const inMemory = /\/test\/(server\/|trigger\/|bin\/|restore\/pg-standby\/server\.)/;

if (inMemory.test(expect.getState().testPath ?? '')) preferMemory();
