// Before and after a vitest run: the tools that tests need, the installation they test, and one directory for all of
// it, which goes at the end with whatever a killed worker left in it. The only module here that is vitest's.
import { installation } from './installation.ts';
import { removeRunDirectory, runDirectory } from './run-directory.ts';
import { ensureSystemPackages } from './system-packages.ts';

/** Workers find both by environment variables that they inherit: TWOWARM_TEST_RUN and TWOWARM_TEST_INSTALLATION. */
export default function setup(): () => void {
  ensureSystemPackages({ strace: 'strace' });
  runDirectory();
  installation();
  return () => removeRunDirectory();
}
