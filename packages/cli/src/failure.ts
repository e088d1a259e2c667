import { AppError, type ErrorFacts } from '@hoop/core/errors';
import { EXIT } from './exit-codes.ts';

/**
 * A reason to end the command with a given exit code. The message says what to do next.
 * Everything that goes wrong on this side of the network is one of these.
 */
export class Failure extends AppError {
  readonly kind = 'misconfigured';
  readonly exitCode: number;

  constructor(code: string, message: string, options: { exitCode?: number; cause?: unknown; facts?: ErrorFacts } = {}) {
    super(code, message, options);
    this.exitCode = options.exitCode ?? EXIT.failed;
  }
}

/** The command line was wrong. */
export function usage(message: string): Failure {
  return new Failure('usage', message, { exitCode: EXIT.usage });
}

/** Ends the command with an exit code and no message: everything was said already. */
export class Exit extends Error {
  readonly exitCode: number;

  constructor(exitCode: number) {
    super(`exit ${exitCode}`);
    this.exitCode = exitCode;
  }
}

const EXIT_OF_CODE: Readonly<Record<string, number>> = {
  unauthenticated: EXIT.unauthenticated,
  agent_offline: EXIT.unavailable,
  agent_lost: EXIT.unavailable,
  agent_timeout: EXIT.unavailable,
  gateway_lost: EXIT.unavailable,
  gateway_unreachable: EXIT.unavailable,
  stream_lost: EXIT.unavailable,
  draining: EXIT.unavailable,
  agent_config: EXIT.misconfigured,
  agent_environment: EXIT.misconfigured,
  agent_refused: EXIT.misconfigured,
  key_mode: EXIT.misconfigured,
  run_options: EXIT.usage,
  database_uri: EXIT.usage,
};

/** The exit code that an error ends the command with. */
export function exitCodeOf(error: AppError): number {
  if (error instanceof Failure) return error.exitCode;
  // An application that could not be started ends as it would have in a shell.
  if ('exitCode' in error && typeof error.exitCode === 'number') return error.exitCode;
  return EXIT_OF_CODE[error.code] ?? (error.kind === 'refusal' ? EXIT.refused : EXIT.failed);
}
