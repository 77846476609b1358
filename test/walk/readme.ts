// The commands of a section of README.md, as they stand there: of every block for a shell whose first line says on which node.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export const nodes = ['db1', 'db2', 'dr'] as const;
export type Node = (typeof nodes)[number];

export interface Step {
  node: Node;
  /** Lines for `sh -c`; a line that goes on behind a backslash is one. */
  commands: readonly string[];
}

export interface Walk {
  /** What is said for every node, before anything else. */
  everywhere: readonly string[];
  steps: readonly Step[];
}

const readme = join(import.meta.dirname, '..', '..', 'README.md');

/** From its heading to the next one of the same level. */
function section(heading: string): string {
  const [, text] = readFileSync(readme, 'utf8').split(`\n## ${heading}\n`);
  if (text === undefined) throw new Error(`README.md has no section "${heading}"`);
  return text.split('\n## ')[0]!;
}

function commandsOf(block: string): string[] {
  const lines = block.replaceAll(/\\\n\s*/g, '').split('\n');
  return lines.filter((line) => line.trim() !== '' && !line.startsWith('#'));
}

export function readWalk(heading: string): Walk {
  const blocks = [...section(heading).matchAll(/^```sh\n# on (.+)\n([^]*?)^```$/gm)].map(
    ([, where, block]) => ({ where, commands: commandsOf(block!) }),
  );
  const steps = blocks.flatMap(({ where, commands }) => {
    const node = nodes.find((each) => each === where);
    if (node === undefined && where !== 'every node') throw new Error(`README.md: which node is "${where}"?`);
    return node === undefined ? [] : [{ node, commands }];
  });
  const everywhere = blocks.filter(({ where }) => where === 'every node');
  return { everywhere: everywhere.flatMap(({ commands }) => commands), steps };
}
