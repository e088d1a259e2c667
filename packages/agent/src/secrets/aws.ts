import type { SecretsManagerClientConfig } from '@aws-sdk/client-secrets-manager';
import { AppError } from '@hoop/core/errors';
import { notFound, unavailable, unreadable } from './document.ts';
import { request } from './http.ts';
import { AWS_REQUEST_MS_MAX, SECRET_REPLY_BYTES_MAX } from './limits.ts';

export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** What tests put in the place of the agent's own surroundings, where the SDK finds all this itself. */
export interface AwsOptions {
  readonly credentials?: () => Promise<AwsCredentials>;
  readonly endpoint?: string;
  readonly region?: string;
}

type Handler = Exclude<SecretsManagerClientConfig['requestHandler'], undefined>;

interface AwsRequest {
  readonly method: string;
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** The SDK's way to the network, through ours: it has neither a limit on what it reads nor a time for the whole. */
export function awsHandler(who: string): Handler {
  const handle = async (outgoing: AwsRequest): Promise<{ readonly response: object }> => {
    const { method, protocol, hostname, port, path, headers, body } = outgoing;
    const reply = await request({
      who,
      url: new URL(`${protocol}//${hostname}${port === undefined ? '' : `:${port}`}${path}`),
      method,
      headers,
      ...(typeof body === 'string' || body instanceof Uint8Array ? { body } : {}),
      timeout_ms: AWS_REQUEST_MS_MAX,
      bytes_max: SECRET_REPLY_BYTES_MAX,
    });
    return { response: { statusCode: reply.status, headers: reply.headers, body: reply.body } };
  };
  return { metadata: { handlerProtocol: 'http/1.1' }, handle, destroy: () => undefined } as unknown as Handler;
}

/** Finding credentials may ask services that are not there, again and again; this bounds all of it. */
export async function withinAwsTime<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const giveUp = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      giveUp.abort();
      reject(
        unavailable(`AWS did not answer within ${2 * AWS_REQUEST_MS_MAX} ms; see that the agent's host reaches it, and has credentials`),
      );
    }, 2 * AWS_REQUEST_MS_MAX);
  });
  try {
    return await Promise.race([work(giveUp.signal), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The answer is none of AWS's. */
export function notAws(who: string): AppError {
  return unavailable(`what answers in the place of ${who} does not speak as it does; see where AWS_ENDPOINT_URL points`);
}

/** An error of the SDK in our words. Of its own only the name is used: its messages quote requests and answers. */
export function awsWords(error: unknown, who: string, right: string): AppError {
  if (error instanceof AppError) return error;
  const name = error instanceof Error && /^\w{1,80}$/.test(error.name) ? error.name : 'unknown error';
  const message = error instanceof Error ? error.message : '';
  if (name === 'SyntaxError') return notAws(who);
  if (name === 'ResourceNotFoundException')
    return notFound(`${who} has no such secret; create it, or name another (an ARN where it is of another region)`);
  if (name === 'AccessDeniedException') return unreadable(`${who} does not let the agent read it; allow its role ${right} on this secret`);
  if (/Credential|TokenProvider/.test(name))
    return unreadable('the agent has no credentials for AWS; give its host a role, or set AWS_PROFILE or the like');
  if (/Region is missing/.test(message)) return unreadable('the agent does not know its AWS region; set AWS_REGION and start it again');
  if (/^(UnrecognizedClient|InvalidSignature|InvalidClientTokenId|ExpiredToken|IncompleteSignature|MissingAuthentication)/.test(name))
    return unreadable(`${who} does not take the agent's credentials (${name}); renew them`);
  return unavailable(`${who} could not give it (${name}); try again in a moment`);
}
