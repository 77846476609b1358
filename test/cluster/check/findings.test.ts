// Faults as findings: each says what to do.
import { existsSync } from 'node:fs';
import { expect, it } from 'vitest';
import { ofFault } from '../../../src/cluster/check/findings.ts';
import { ProgramError } from '../../../src/program/program-error.ts';

it('a fault without a cure of its own names the document that is there', () => {
  const { hint } = ofFault(new ProgramError('data-directory', 'is none'), 'critical');
  const [, document] = /^(.*) says what "data-directory" means\.$/.exec(hint ?? '') ?? [];
  expect(existsSync(document ?? '')).toBe(true);
  expect(document).toMatch(/^\//);
});
