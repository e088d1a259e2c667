import { AppError, type ErrorOptions } from '@hoop/core/errors';

/** Exit codes of hsh's own commands; a wrapped program's code is passed on as it is. */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  /** EX_NOPERM: log in again. */
  loggedOut: 77,
  interrupted: 130,
} as const;

/** A reason to end with an exit code. The message says what to do next. */
export class Failure extends AppError {
  readonly kind = 'misconfigured';
  readonly exitCode: number;

  constructor(code: string, message: string, exitCode: number = EXIT.failed, options: ErrorOptions = {}) {
    super(code, message, options);
    this.exitCode = exitCode;
  }
}
