import { isUtf8 } from 'node:buffer';
import { brotliDecompressSync, constants, gunzipSync, inflateSync, zstdDecompressSync } from 'node:zlib';
import { only } from './headers.ts';
import { INFLATED_BYTES_MAX } from './limits.ts';
import type { HeaderList, RequestHead } from './message.ts';
import { isText } from './text-mask.ts';

export interface ReadRequest {
  readonly text: string;
  /** The body says that it is compressed and cannot be read, so that no rule can have judged it. */
  readonly unreadable: boolean;
}

/**
 * What a rule reads of a request, and the audit keeps: method and path; below that, the same as a target may understand it where
 * that is something else; and the body where it is text.
 */
export function readRequest({ method, path, headers, upgrade }: RequestHead, body: Buffer): ReadRequest {
  const lines = [upgrade === undefined ? `${method} ${path}` : `${method} ${path} (${upgrade})`];
  const understood = understoodPath(path);
  if (understood !== path) lines.push(`${method} ${understood}`);
  const text = readableBody(headers, body);
  if (text === undefined) return { text: `${lines.join('\n')}\n\n(unreadable body of ${body.length} bytes)`, unreadable: true };
  return { text: text === '' ? lines.join('\n') : `${lines.join('\n')}\n\n${text}`, unreadable: false };
}

/** How often an address may be encoded in itself before its outer layers are taken as they are. */
const LAYERS_MAX = 4;

/** Path and query without codings, dots and doubled slashes: what a target may take them for. */
export function understoodPath(path: string): string {
  const [plain = '', ...query] = path.split('?');
  const asked = query.length === 0 ? '' : `?${decoded(query.join('?').replaceAll('+', ' '))}`;
  const segments: string[] = [];
  for (const segment of decoded(plain).replaceAll('\\', '/').split('/')) {
    if (segment === '..') segments.pop();
    else if (segment !== '' && segment !== '.') segments.push(segment);
  }
  const end = /[/\\]$/.test(plain) && segments.length > 0 ? '/' : '';
  return `/${segments.join('/')}${end}${asked}`;
}

function decoded(text: string): string {
  let now = text;
  for (let layer = 0; layer < LAYERS_MAX && now.includes('%'); layer++) {
    const next = now.replace(/(%[0-9a-f]{2})+/gi, (run) => Buffer.from(run.replaceAll('%', ''), 'hex').toString('utf8'));
    if (next === now) break;
    now = next;
  }
  // A line break in it must not look like the beginning of a body.
  return now.replace(/[\r\n\0]/g, ' ');
}

/** '' for what is no text; undefined for what cannot be read. What a client calls its body does not count where it is text all the same. */
function readableBody(headers: HeaderList, body: Buffer): string | undefined {
  if (body.length === 0) return '';
  const coding = only(headers, 'content-encoding')?.trim().toLowerCase() ?? 'identity';
  const inflate = CODINGS[coding];
  const plain = inflate ? beginningOf(body, inflate) : body;
  if (plain === undefined) return undefined;
  const type = only(headers, 'content-type') ?? '';
  if (/charset\s*=\s*"?utf-?16/i.test(type)) return new TextDecoder(/be\b/i.test(type) ? 'utf-16be' : 'utf-16le').decode(plain);
  return isText(headers) || /^multipart\//i.test(type) || looksLikeText(plain) ? plain.toString('utf8') : '';
}

/** Valid UTF-8 but for a character that was cut in two at the end, and no zero in it. */
function looksLikeText(bytes: Buffer): boolean {
  if (bytes.includes(0)) return false;
  return [0, 1, 2, 3].some((cut) => isUtf8(bytes.subarray(0, Math.max(0, bytes.length - cut))));
}

type Inflate = (bytes: Buffer) => Buffer;

const zlib = { maxOutputLength: INFLATED_BYTES_MAX, finishFlush: constants.Z_SYNC_FLUSH };
const brotli = { maxOutputLength: INFLATED_BYTES_MAX, finishFlush: constants.BROTLI_OPERATION_FLUSH };
const zstd = { maxOutputLength: INFLATED_BYTES_MAX, finishFlush: constants.ZSTD_e_flush };

const CODINGS: Readonly<Record<string, Inflate>> = {
  gzip: (bytes) => gunzipSync(bytes, zlib),
  'x-gzip': (bytes) => gunzipSync(bytes, zlib),
  deflate: (bytes) => inflateSync(bytes, zlib),
  br: (bytes) => brotliDecompressSync(bytes, brotli),
  zstd: (bytes) => zstdDecompressSync(bytes, zstd),
};

/**
 * As much of a compressed body as fits: what becomes too large, or is broken further on, is read from a shorter beginning.
 * So nobody hides the beginning of a body from the rules by what follows it.
 */
function beginningOf(body: Buffer, inflate: Inflate): Buffer | undefined {
  for (let length = body.length; length > 0; length = Math.floor(length / 2)) {
    try {
      const plain = inflate(body.subarray(0, length));
      if (plain.length > 0 || length === body.length) return plain;
    } catch {
      // Half of it, then.
    }
  }
  return undefined;
}
