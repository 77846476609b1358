// How the demo speaks: numbered steps, indented lines, highlighted only on a terminal.

const isTerminal = process.stdout.isTTY;
let steps = 0;

/** Announces the next step. */
export function step(title: string): void {
  steps += 1;
  const line = `${steps}. ${title}`;
  process.stdout.write(`\n${isTerminal ? `\x1b[1m${line}\x1b[0m` : line}\n`);
}

/** One or more lines below the step. */
export function say(text: string): void {
  process.stdout.write(`${text.replaceAll(/^(?=.)/gm, '   ')}\n`);
}

/** A file, or a part of one, as it stands on disk. */
export function show(where: string, content: string): void {
  say(`${where}:`);
  say(content.trimEnd().replaceAll(/^/gm, '  | '));
}
