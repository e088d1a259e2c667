import type { AppError } from '@hoop/core/errors';
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
  const body = Buffer.from(readsJson(request) ? JSON.stringify(statusObject(status, code, message)) : `${message}\n`);
  const type = readsJson(request) ? 'application/json' : 'text/plain; charset=utf-8';
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

/** kubectl does not say so where it asks for an upgrade: it takes a line with a colon for a Status in YAML, and shows nothing of it. */
function readsJson(request: HeaderList): boolean {
  return request.some(
    ([name, value]) => (name === 'accept' && /\bjson\b/.test(value)) || name === 'x-stream-protocol-version' || value.includes('.k8s.io'),
  );
}

function statusObject(code: number, reason: string, message: string): object {
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, code };
}
