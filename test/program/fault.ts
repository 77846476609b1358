// What a fault says, as data: a test compares all of it, so that no half of a message goes unread.
import { expect } from 'vitest';
import type { ErrorKindName } from '../../src/program/error-kinds.ts';
import { ProgramError } from '../../src/program/program-error.ts';

export interface Fault {
  kind: ErrorKindName;
  message: string;
  detail?: string;
  hint?: string;
}

/** The fault that `action` ends with. Fails when it ends well, or with anything but a ProgramError. */
export async function faultOf(action: () => unknown): Promise<Fault> {
  let error: unknown;
  try {
    await action();
  } catch (thrown) {
    error = thrown;
  }
  expect(error, 'what was thrown').toBeInstanceOf(ProgramError);
  const { kind, message, detail, hint } = error as ProgramError;
  return { kind, message, ...(detail !== undefined && { detail }), ...(hint !== undefined && { hint }) };
}
