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
  /** What stands above the body, with the empty line. */
  readonly line: string;
  /** What was read of the body, without its coding. */
  readonly plain: Buffer;
  /** Whether that is everything that was given of it. */
  readonly whole: boolean;
}

/** A beginning of a body without its coding. */
interface Plain {
  readonly bytes: Buffer;
  readonly whole: boolean;
}

/**
 * What a rule reads of a request, and the audit keeps: method and path; below that, the same as a target may understand it where
 * that is something else; and the body where it is text.
 */
export function readRequest({ method, path, headers, upgrade }: RequestHead, body: Buffer): ReadRequest {
  const lines = [upgrade === undefined ? `${method} ${path}` : `${method} ${path} (${upgrade})`];
  const understood = understoodPath(path);
  if (understood !== path) lines.push(`${method} ${understood}`);
  const line = `${lines.join('\n')}\n\n`;
  const plain = plainBody(headers, body);
  if (!plain) return { text: `${line}(unreadable body of ${body.length} bytes)`, unreadable: true, line, plain: NOTHING, whole: false };
  const text = textOf(headers, plain.bytes);
  return { text: text === '' ? lines.join('\n') : `${line}${text}`, unreadable: false, line, plain: plain.bytes, whole: plain.whole };
}

/** How a body is compressed, where that is known here; else it is read as it stands. */
export function codingOf(headers: HeaderList): Coding | undefined {
  const codings = codingsOf(headers);
  return codings.length === 1 ? known(codings[0]) : undefined;
}

/** How a body is coded: each coding in the order in which it was applied, however many header lines they stand in. */
export function codingsOf(headers: HeaderList): string[] {
  return headers
    .filter(([name]) => name === 'content-encoding')
    .flatMap(([, value]) => value.toLowerCase().split(','))
    .map((coding) => coding.trim())
    .filter((coding) => coding !== '' && coding !== 'identity');
}

function known(coding: string | undefined): Coding | undefined {
  return CODINGS.find((each) => each === coding);
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

/** undefined for what cannot be read. */
function plainBody(headers: HeaderList, body: Buffer): Plain | undefined {
  if (body.length === 0) return { bytes: body, whole: true };
  const codings = codingsOf(headers);
  // What is compressed twice is so for no good reason.
  if (codings.length > 1 && codings.every(known)) return undefined;
  const coding = codingOf(headers);
  return coding ? beginningOf(body, INFLATES[coding]) : { bytes: body, whole: true };
}

/**
 * What a rule reads of a body, or of a window on one: '' for what is no text. What a client calls its body does not count where it is
 * text all the same.
 * @param from where in the window that begins which was not looked at before
 */
export function textOf(headers: HeaderList, plain: Buffer, from = 0): string {
  if (plain.length === 0) return '';
  const type = only(headers, 'content-type') ?? '';
  if (/charset\s*=\s*"?utf-?16/i.test(type)) return new TextDecoder(/be\b/i.test(type) ? 'utf-16be' : 'utf-16le').decode(plain);
  const isRead = isText(headers) || /^multipart\//i.test(type) || looksLikeText(plain.subarray(from), from > 0);
  return isRead ? plain.toString('utf8') : '';
}

/** Valid UTF-8 but for a character that was cut in two at an end, and no zero in it. */
function looksLikeText(bytes: Buffer, isCut: boolean): boolean {
  if (bytes.includes(0)) return false;
  let from = 0;
  while (isCut && from < 3 && ((bytes[from] ?? 0) & 0xc0) === 0x80) from++;
  return [0, 1, 2, 3].some((cut) => isUtf8(bytes.subarray(from, Math.max(from, bytes.length - cut))));
}

const CODINGS = ['gzip', 'x-gzip', 'deflate', 'br', 'zstd'] as const;
/** Content codings that are looked through. */
export type Coding = (typeof CODINGS)[number];

/** With `info` it says how much of its input it took; the types know of no such thing. */
type Inflate = (bytes: Buffer) => unknown;

const zlib = { maxOutputLength: INFLATED_BYTES_MAX, finishFlush: constants.Z_SYNC_FLUSH, info: true };
const brotli = { maxOutputLength: INFLATED_BYTES_MAX, finishFlush: constants.BROTLI_OPERATION_FLUSH, info: true };
const zstd = { maxOutputLength: INFLATED_BYTES_MAX, finishFlush: constants.ZSTD_e_flush, info: true };

const INFLATES: Readonly<Record<Coding, Inflate>> = {
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
function beginningOf(body: Buffer, inflate: Inflate): Plain | undefined {
  for (let length = body.length; length > 0; length = Math.floor(length / 2)) {
    try {
      const { buffer: bytes, engine } = inflate(body.subarray(0, length)) as { buffer: Buffer; engine: { bytesWritten: number } };
      // What stands behind the end of a compressed text, some take for more of it.
      if (bytes.length > 0 || length === body.length) return { bytes, whole: engine.bytesWritten === body.length };
    } catch {
      // Half of it, then.
    }
  }
  return undefined;
}

const NOTHING = Buffer.alloc(0);
