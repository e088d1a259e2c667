import type { AppError } from '@hoop/core/errors';
import { only } from './headers.ts';
import type { AnswerHead, HeaderList, ResetMessage } from './message.ts';

/** The status that an error of ours is told with. */
export function statusOf({ kind, code }: Pick<AppError, 'kind' | 'code'>): number {
  if (code === 'target_timeout') return 504;
  if (code === 'unauthenticated' || code.startsWith('credential_')) return 401;
  if (code === 'too_many_sessions' || code.endsWith('_draining') || code.startsWith('agent_')) return 503;
  if (kind === 'refusal') return 403;
  if (kind === 'peer') return 400;
  return kind === 'bug' ? 500 : 502;
}

export function resetOf(error: AppError): ResetMessage {
  return { status: statusOf(error), code: error.code, message: error.message };
}

/** An answer of ours: JSON in the shape of Kubernetes' own errors where the client reads JSON, which kubectl shows; else a line of text. */
export function answerWith(
  { status, code, message }: ResetMessage,
  request: HeaderList,
): { readonly head: AnswerHead; readonly body: Buffer } {
  const wantsJson = /\bjson\b/.test(only(request, 'accept') ?? '');
  const body = Buffer.from(wantsJson ? JSON.stringify(statusObject(status, code, message)) : `${message}\n`);
  const type = wantsJson ? 'application/json' : 'text/plain; charset=utf-8';
  return {
    head: {
      status,
      headers: [
        ['content-type', type],
        ['content-length', String(body.length)],
        ['cache-control', 'no-store'],
        ['x-content-type-options', 'nosniff'],
        ['x-hoop-error', code],
      ],
    },
    body,
  };
}

function statusObject(code: number, reason: string, message: string): object {
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, code };
}
