// One call of archiveWALFile beside others: without a look at what it changed, which would see the others, too.
import { commandLine, type NodeFixture } from '../../harness/node-fixture.ts';
import { shell, type RunResult } from '../../harness/run.ts';

export function runCall(node: NodeFixture, name: string): Promise<RunResult> {
  node.segment(name);
  return shell(commandLine('archiveWALFile', `pg_wal/${name}`, name), { cwd: node.dataDirectory });
}
