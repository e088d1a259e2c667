import { type AppError, asAppError, Bug, type ErrorKind, Refusal } from '@hoop/core/errors';
import type { FastifyError } from 'fastify';

/** What a failed request is answered with. */
export interface HttpFailure {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly field?: string;
  readonly retry_after_s?: number;
}

/** Codes that have a status of their own; a code that ends in `_exists` is a conflict. */
const STATUS_OF_CODE: Readonly<Record<string, number>> = {
  unauthenticated: 401,
  invalid_login: 401,
  forbidden: 403,
  first_user_exists: 403,
  access_mode_disabled: 403,
  not_found: 404,
  connection_not_found: 404,
  connection_unknown: 422,
  guardrail_unknown: 422,
  masking_rule_unknown: 422,
  name_reserved: 422,
  invalid: 422,
  invalid_rule: 422,
  last_admin: 422,
  page_out_of_range: 422,
  protocol_unavailable: 400,
  native_access_off: 400,
  session_not_open: 400,
  test_failed: 400,
  review_decided: 409,
  review_over: 409,
  review_text_changed: 409,
  review_text_unread: 422,
  too_many_credentials: 409,
  too_many_ssh_keys: 409,
  ssh_key_unusable: 422,
  resource_in_use: 409,
  credential_target_unknown: 409,
  too_many_attempts: 429,
  too_busy: 503,
  too_many_sessions: 503,
  gateway_draining: 503,
  agent_offline: 503,
  store_unavailable: 503,
};

const STATUS_OF_KIND: Readonly<Record<ErrorKind, number>> = { peer: 400, target: 502, refusal: 403, misconfigured: 400, bug: 500 };

/** Errors of the HTTP server itself, before a handler ran. Their own texts may quote the request. */
const OF_SERVER: Readonly<Record<string, Omit<HttpFailure, 'code'>>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: { status: 413, message: 'The request is too large' },
  FST_ERR_CTP_INVALID_MEDIA_TYPE: { status: 415, message: 'Send JSON, with Content-Type: application/json' },
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: { status: 400, message: 'The request is not as long as it says' },
  FST_ERR_CTP_INVALID_JSON_BODY: { status: 400, message: 'The request’s body is not JSON' },
  FST_ERR_BAD_URL: { status: 400, message: 'The address is not a valid URL' },
};

/**
 * The answer to whatever was thrown. Messages of bugs stay inside: the client gets the request's id, with which the log
 * tells the rest.
 */
export function httpFailure(thrown: unknown, requestId: string): HttpFailure {
  const ofServer = serverFailure(thrown);
  if (ofServer) return ofServer;
  const error = asAppError(thrown);
  if (error instanceof Bug) {
    return {
      status: 500,
      code: 'internal',
      message: `Something broke inside the gateway. Tell your administrator this number: ${requestId}`,
    };
  }
  const { field, retry_after_s } = error.facts;
  return {
    status: statusOf(error),
    code: error.code,
    message: error.message,
    ...(typeof field === 'string' ? { field } : {}),
    ...(typeof retry_after_s === 'number' ? { retry_after_s } : {}),
  };
}

function statusOf(error: AppError): number {
  if (Object.hasOwn(STATUS_OF_CODE, error.code)) return STATUS_OF_CODE[error.code] ?? 500;
  if (error instanceof Refusal && error.code.endsWith('_exists')) return 409;
  return STATUS_OF_KIND[error.kind];
}

function serverFailure(thrown: unknown): HttpFailure | undefined {
  if (!(thrown instanceof Error)) return undefined;
  const { code = '', statusCode = 500 } = thrown as Partial<FastifyError>;
  const known = Object.hasOwn(OF_SERVER, code) ? OF_SERVER[code] : undefined;
  if (known) return { ...known, code: 'bad_request' };
  // The JSON parser throws SyntaxErrors with a status; keys such as `__proto__` end here too.
  if ((thrown instanceof SyntaxError || code.startsWith('FST_')) && statusCode >= 400 && statusCode < 500) {
    return { status: statusCode, code: 'bad_request', message: 'The request’s body is not JSON that can be taken' };
  }
  return undefined;
}
