// The one way to fail. Expected outcomes are return values; whatever else goes wrong is thrown as a ProgramError and
// reaches the one printer (print-error.ts) unlogged. A plain Error that gets there is a bug and keeps its stack.
import { errorKinds, type ErrorKindName } from './error-kinds.ts';

interface Parts {
  detail?: string | undefined;
  hint?: string | undefined;
  cause?: unknown;
}

const brand = Symbol.for('twowarm.ProgramError');

/** A fault with PostgreSQL's three parts: message (one line, no full stop), detail and hint (sentences). */
export class ProgramError extends Error {
  // A program is built as two bundles, a small one for every call and one that loads when it is needed
  // (scripts/build.ts). Each has its own copy of this class, and a fault of one is a fault to the other.
  static override [Symbol.hasInstance](value: unknown): value is ProgramError {
    return typeof value === 'object' && value !== null && brand in value;
  }

  readonly [brand] = true;
  readonly kind: ErrorKindName;
  readonly detail: string | undefined;
  readonly hint: string | undefined;

  constructor(kind: ErrorKindName, message: string, parts: Parts = {}) {
    super(message, parts.cause === undefined ? undefined : { cause: parts.cause });
    this.name = 'ProgramError';
    this.kind = kind;
    this.detail = parts.detail;
    this.hint = parts.hint;
  }
}

/** Can the same call succeed a moment later by itself? */
export function isRetryable(error: unknown): boolean {
  return error instanceof ProgramError && errorKinds[error.kind].retryable;
}

/** The reason an operating system gives, by its errno name; `code` is kept so that nothing is lost in words. */
const reasons: Record<string, { kind: ErrorKindName; words: string }> = {
  ENOENT: { kind: 'directory-missing', words: 'No such file or directory' },
  ENOTDIR: { kind: 'directory-missing', words: 'Not a directory' },
  EACCES: { kind: 'permission-denied', words: 'Permission denied' },
  EPERM: { kind: 'permission-denied', words: 'Operation not permitted' },
  EROFS: { kind: 'read-only', words: 'Read-only file system' },
  ENOSPC: { kind: 'no-space', words: 'No space left on device' },
  EDQUOT: { kind: 'no-space', words: 'Disk quota exceeded' },
  EIO: { kind: 'input-output', words: 'Input/output error' },
  ESTALE: { kind: 'input-output', words: 'Stale file handle' },
  EISDIR: { kind: 'input-output', words: 'Is a directory' },
  ELOOP: { kind: 'input-output', words: 'Too many levels of symbolic links' },
  EMFILE: { kind: 'input-output', words: 'Too many open files' },
  EFBIG: { kind: 'input-output', words: 'File too large' },
  ENAMETOOLONG: { kind: 'input-output', words: 'File name too long' },
};

/** The errno name of a failed system call ('ENOENT'), or undefined for anything that is not one. */
export function errnoOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' && /^E[A-Z0-9]+$/.test(code) ? code : undefined;
}

/** What to do where a file system is mounted read-only (EROFS). */
export const forReadOnly =
  'Mount it for writing. After a fault of the disk the kernel log says why it is not.';

/**
 * A failed system call as a ProgramError: `message` says what was attempted ("could not …"), the reason is appended as
 * PostgreSQL appends %m. Errors that are not system errors pass through unchanged.
 */
export function fromSystemError(error: unknown, message: string, hint?: string): Error {
  const code = errnoOf(error);
  if (error instanceof ProgramError || code === undefined) {
    return error instanceof Error ? error : new Error(String(error));
  }
  const reason = reasons[code] ?? { kind: 'input-output' as const, words: code };
  return new ProgramError(reason.kind, `${message}: ${reason.words}`, { hint, cause: error });
}
