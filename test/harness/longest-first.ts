// The order of test files: the longest first, so that none of them is at work alone in the end. How long each took is on
// record in durations.json beside this file, which TWOWARM_RECORD_DURATIONS=yes npm test writes again.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BaseSequencer, type Reporter, type TestModule, type TestSpecification } from 'vitest/node';

const file = join(import.meta.dirname, 'durations.json');
const tests = join(import.meta.dirname, '..');

/** Seconds, by path below test/. */
type Durations = Readonly<Record<string, number>>;

/** Of a file that is new. */
const unknownS = 15;

const nameOf = (path: string): string => path.slice(tests.length + 1);

export default class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const durations = JSON.parse(readFileSync(file, 'utf8')) as Durations;
    const known = (each: TestSpecification): number => durations[nameOf(each.moduleId)] ?? unknownS;
    const order = (each: TestSpecification): number => each.project.config.sequence.groupOrder;
    return files.toSorted((a, b) => order(a) - order(b) || known(b) - known(a));
  }
}

export class RecordDurations implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const durations = modules
      .map((each) => [nameOf(each.moduleId), Math.round(each.diagnostic().duration / 1000)] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1));
    writeFileSync(file, `${JSON.stringify(Object.fromEntries(durations), undefined, 2)}\n`);
  }
}
