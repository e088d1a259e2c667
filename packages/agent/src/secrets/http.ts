import http from 'node:http';
import https from 'node:https';
import { unavailable, unreadable } from './document.ts';

export interface BoundedRequest {
  /** The store's name, as errors say it. */
  readonly who: string;
  readonly url: URL;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** PEM of the authorities to trust in place of the system's. */
  readonly ca?: string;
  readonly timeout_ms: number;
  readonly bytes_max: number;
}

export interface BoundedReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/**
 * One request, from dialling to the last byte within its time and size. A redirect is not followed: the secret that opens a store
 * would go to wherever it points.
 * @throws TargetFault, Misconfigured `secret_unavailable`
 */
export function request(options: BoundedRequest): Promise<BoundedReply> {
  const { who, url, method, headers, body, ca, timeout_ms } = options;
  const { request: start } = url.protocol === 'https:' ? https : http;
  return new Promise((resolve, reject) => {
    const settings = { method, headers, agent: false as const, ...(ca ? { ca } : {}) };
    const outgoing = start(url, settings, (incoming) => collect(incoming, options).then(resolve, reject));
    const late = unavailable(`${who} did not answer within ${timeout_ms} ms; see that it runs and can be reached from the agent's host`);
    const timer = setTimeout(() => {
      reject(late);
      outgoing.destroy();
    }, timeout_ms);
    outgoing.on('close', () => clearTimeout(timer));
    outgoing.on('error', (error: NodeJS.ErrnoException) => reject(failed(who, url, error)));
    outgoing.end(body);
  });
}

async function collect(incoming: http.IncomingMessage, { who, url, bytes_max }: BoundedRequest): Promise<BoundedReply> {
  const status = incoming.statusCode ?? 0;
  if (status >= 300 && status < 400) {
    incoming.destroy();
    throw unavailable(`${who} at ${url.host} sends the agent elsewhere (status ${status}); set the address that it has now`);
  }
  const parts: Buffer[] = [];
  let length = 0;
  try {
    for await (const part of incoming as AsyncIterable<Buffer>) {
      length += part.length;
      if (length > bytes_max) break;
      parts.push(part);
    }
  } catch {
    throw unavailable(`${who} at ${url.host} broke off its answer; try again in a moment`);
  }
  if (length > bytes_max) throw unavailable(`${who} at ${url.host} answered with more than ${bytes_max} bytes; see what listens there`);
  const headers = Object.entries(incoming.headers).map(([name, value]) => [name, String(value)] as const);
  return { status, headers: Object.fromEntries(headers), body: Buffer.concat(parts) };
}

/** Only the code of a failure is told: it names what happened, and nothing of what was sent. */
function failed(who: string, url: URL, error: NodeJS.ErrnoException): Error {
  const code = /^[A-Z_0-9]+$/.test(error.code ?? '') ? error.code : 'no code';
  const isTrust = /CERT|SIGNATURE|ALTNAME|ISSUER/.test(error.code ?? '');
  if (isTrust) {
    return unreadable(`the certificate of ${who} at ${url.host} is not trusted (${code}); give the agent its authority, or the right name`);
  }
  return unavailable(`${who} at ${url.host} cannot be reached (${code}); see that it runs and can be reached from the agent's host`);
}
