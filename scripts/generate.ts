// Writes the generated documents (npm run docs).
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { renderAll } from './documents.ts';

for (const [path, text] of Object.entries(await renderAll())) {
  writeFileSync(join(import.meta.dirname, '..', path), text);
  process.stderr.write(`wrote ${path}\n`);
}
