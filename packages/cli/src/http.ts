import { request as requestPlain } from 'node:http';
import { type RequestOptions, request as requestTls } from 'node:https';

/** A reply larger than this is not one of a gateway; an exec's output is at most 64 MiB, and JSON escapes may double it. */
const REPLY_BYTES_MAX = 192 * 1024 * 1024;

export interface HttpTrust {
  /** PEM of the authority to trust instead of the system's. */
  readonly ca: string | undefined;
  readonly skipVerify: boolean;
}

const NO_BODY = new Set([101, 204, 205, 304]);

/**
 * A `fetch` with a certificate authority of one's own, which the built-in one does not take.
 * Redirects are not followed: a token must not follow one to another host.
 */
export function fetchWith(trust: HttpTrust): typeof globalThis.fetch {
  return (input, init = {}) =>
    new Promise((resolve, reject) => {
      const url = new URL(input instanceof Request ? input.url : input);
      const options: RequestOptions = {
        method: init.method ?? 'GET',
        headers: Object.fromEntries(new Headers(init.headers)),
        signal: init.signal ?? undefined,
        rejectUnauthorized: !trust.skipVerify,
        ...(trust.ca === undefined ? {} : { ca: trust.ca }),
      };
      const request = url.protocol === 'https:' ? requestTls(url, options) : requestPlain(url, options);
      request.on('error', reject);
      request.on('response', (reply) => {
        const chunks: Buffer[] = [];
        let size = 0;
        reply.on('data', (chunk: Buffer) => {
          size += chunk.length;
          if (size > REPLY_BYTES_MAX) reply.destroy(new Error(`the reply is longer than ${REPLY_BYTES_MAX} bytes`));
          else chunks.push(chunk);
        });
        reply.on('error', reject);
        reply.on('end', () => {
          const status = reply.statusCode ?? 500;
          const body = NO_BODY.has(status) ? null : Buffer.concat(chunks);
          resolve(new Response(body, { status, headers: headersOf(reply.rawHeaders) }));
        });
      });
      request.end(typeof init.body === 'string' ? init.body : undefined);
    });
}

function headersOf(raw: readonly string[]): Headers {
  const headers = new Headers();
  for (let at = 0; at + 1 < raw.length; at += 2) headers.append(raw[at] ?? '', raw[at + 1] ?? '');
  return headers;
}
