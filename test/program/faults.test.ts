import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { errorKinds, type ErrorKindName } from '../../src/program/error-kinds.ts';
import { describeError, formatReport, printable } from '../../src/program/print-error.ts';
import { errnoOf, fromSystemError, isRetryable, ProgramError } from '../../src/program/program-error.ts';

const kinds = Object.entries(errorKinds) as [ErrorKindName, (typeof errorKinds)[ErrorKindName]][];

describe('the kinds of faults', () => {
  it('have exit codes of their own', () => {
    const codes = kinds.map(([, { exitCode }]) => exitCode);
    expect(new Set(codes).size).toBe(codes.length);
  });

  it.each(kinds)('%s exits with a code that PostgreSQL counts and that is not "absent"', (_, kind) => {
    expect(Number.isInteger(kind.exitCode)).toBe(true);
    expect(kind.exitCode).toBeGreaterThanOrEqual(2);
    expect(kind.exitCode).toBeLessThanOrEqual(125);
    expect(kind.meaning).toMatch(/^\S[^\n]*[^\s.]$/);
  });

  it('are worth another try only where a moment can help', () => {
    const retryable = kinds
      .filter(([name]) => isRetryable(new ProgramError(name, 'x')))
      .map(([name]) => name);
    expect(retryable).toEqual(['input-output', 'timed-out', 'connection-lost', 'unreachable']);
    expect(isRetryable(new Error('a bug'))).toBe(false);
    expect(isRetryable(undefined)).toBe(false);
  });
});

describe('a report', () => {
  it('has the shape of a message of the server', () => {
    const message = 'could not store 0000…2A';
    expect(formatReport('archiveWALFile', 'ERROR', { message })).toBe(`archiveWALFile: ERROR:  ${message}\n`);
    const whole = { message, detail: 'No route to host.', hint: 'Is db2 up?' };
    expect(formatReport('x', 'WARNING', whole)).toBe(
      `x: WARNING:  ${message}\nDETAIL:  No route to host.\nHINT:  Is db2 up?\n`,
    );
    expect(formatReport('x', 'LOG', { message, hint: 'So what?' })).toBe(
      `x: LOG:  ${message}\nHINT:  So what?\n`,
    );
  });

  it('cannot be made to forge a line of the log', () => {
    const forged = 'a\nLOG:  all is well\r\u001b[31m\u0000\u0085\u2028\u007f';
    const shown = 'a\\x0aLOG:  all is well\\x0d\\x1b[31m\\x00\\x85\\x2028\\x7f';
    const report = { message: forged, detail: forged, hint: forged };
    expect(formatReport('x', 'ERROR', report)).toBe(
      `x: ERROR:  ${shown}\nDETAIL:  ${shown}\nHINT:  ${shown}\n`,
    );
  });

  it('has as many lines as parts, whatever is in them', () => {
    const any = fc.string({ unit: 'binary' });
    fc.assert(
      fc.property(any, any, any, (message, detail, hint) => {
        const lines = formatReport('x', 'ERROR', { message, detail, hint }).split(/[\n\r\u0085\u2028\u2029]/);
        expect(lines).toHaveLength(4);
        expect(lines[3]).toBe('');
      }),
    );
  });

  it('shows letters of all languages as they are', () => {
    const text = 'größer, 大きい, more: "x" \'y\' \\ %';
    expect(printable(text)).toBe(text);
  });
});

describe('a thrown value', () => {
  it('that is a fault is reported with the exit code of its kind', () => {
    const fault = new ProgramError('no-space', 'could not write', { detail: 'd', hint: 'h' });
    const { report, exitCode } = describeError(fault);
    expect(exitCode).toBe(23);
    expect(report).toMatchObject({ message: 'could not write', detail: 'd', hint: 'h' });
  });

  it.each([
    ['an error', new TypeError('x is not a function'), 'internal error: x is not a function'],
    ['a string', 'oops', 'internal error: oops'],
    ['nothing', undefined, 'internal error: undefined'],
    ['null', null, 'internal error: null'],
  ])('that is %s is a bug, with its stack on one line', (_, thrown, message) => {
    const { report, exitCode } = describeError(thrown);
    expect(exitCode).toBe(70);
    expect(report.message).toBe(message);
    expect(report.hint).toBe('This is a bug in twowarm. Please report it with this message.');
    expect(report.detail).not.toContain('\n');
    if (thrown instanceof Error)
      expect(report.detail).toMatch(/TypeError: x is not a function \| +at .*faults\.test/);
  });
});

describe('a failed system call', () => {
  const failed = (code: string): Error => Object.assign(new Error(`${code}: …`), { code });

  it.each([
    ['ENOENT', 'directory-missing', 'No such file or directory'],
    ['ENOTDIR', 'directory-missing', 'Not a directory'],
    ['EACCES', 'permission-denied', 'Permission denied'],
    ['EPERM', 'permission-denied', 'Operation not permitted'],
    ['EROFS', 'read-only', 'Read-only file system'],
    ['ENOSPC', 'no-space', 'No space left on device'],
    ['EDQUOT', 'no-space', 'Disk quota exceeded'],
    ['EIO', 'input-output', 'Input/output error'],
    ['ESTALE', 'input-output', 'Stale file handle'],
    ['EISDIR', 'input-output', 'Is a directory'],
    ['ELOOP', 'input-output', 'Too many levels of symbolic links'],
    ['EMFILE', 'input-output', 'Too many open files'],
    ['EFBIG', 'input-output', 'File too large'],
    ['ENAMETOOLONG', 'input-output', 'File name too long'],
    ['EWEIRD', 'input-output', 'EWEIRD'],
  ])('%s is a fault with a reason in words', (code, kind, words) => {
    const cause = failed(code);
    const fault = fromSystemError(cause, 'could not open x', 'Look there.');
    expect(fault).toMatchObject({ kind, message: `could not open x: ${words}`, hint: 'Look there.', cause });
  });

  it('is the only thing that gets new words', () => {
    const fault = new ProgramError('no-space', 'as it was');
    const bug = new TypeError('as it was');
    expect(fromSystemError(fault, 'could not')).toBe(fault);
    expect(fromSystemError(bug, 'could not')).toBe(bug);
    expect(fromSystemError('text', 'could not').message).toBe('text');
    const coded = [{ code: 'ERR_INVALID_ARG' }, { code: 20 }, {}, null, undefined, 'ENOENT'];
    expect(coded.map(errnoOf)).toEqual(coded.map(() => undefined));
  });
});
