import { PeerFault } from '@hoop/core/errors';
import { z } from 'zod';
import { FRAME_HEADER_BYTES } from '../shared/frames.ts';
import { HEADERS_MAX } from './limits.ts';

/**
 * The cleartext stream of a session: requests and answers that are structured already, many at a time.
 *
 *   message   u8 kind | u32 exchange | payload
 *
 * An exchange is one request with its answer. Whoever sends a body may be `WINDOW_BYTES` ahead of whoever takes it, who gives more with `credit`.
 * Gateway and agent each speak HTTP with a parser of their own, so no byte that one reads in another way than the other gets through.
 */
export const KINDS = {
  /** To the target: `RequestHead`, JSON. */
  request: 1,
  /** To the client: `AnswerHead`, JSON. */
  answer: 2,
  /** A piece of a body; after an upgrade, of whatever is spoken then. */
  data: 3,
  /** The body is complete. Trailers are not passed on: too many servers disagree about them. */
  end: 4,
  /** This side gives the exchange up: `ResetMessage`, JSON. */
  reset: 5,
  /** u32: so many bytes more may be sent. */
  credit: 6,
  /** To the client, exchange 0: the session is over: `ResetMessage`, JSON. */
  over: 7,
} as const;
export type Kind = (typeof KINDS)[keyof typeof KINDS];

export const MESSAGE_HEADER_BYTES = 5;

const Headers = z.array(z.tuple([z.string(), z.string()])).max(HEADERS_MAX);
/** Names in lower case, in the order of the wire. */
export type HeaderList = readonly (readonly [string, string])[];

export const RequestHead = z.object({
  method: z.string().min(1).max(64),
  /** Path and query; begins with a slash. */
  path: z.string().min(1).max(32_768).startsWith('/'),
  headers: Headers,
  /** Whether a body follows, and whether its length is known from `content-length`. */
  body: z.enum(['none', 'length', 'stream']),
  /** The protocol to go over to, such as `websocket`. */
  upgrade: z.string().max(256).optional(),
  /** The answer's body must come without content coding, because it is read on its way. */
  plain: z.boolean().optional(),
});
export type RequestHead = z.infer<typeof RequestHead>;

export const AnswerHead = z.object({ status: z.number().int().min(100).max(999), headers: Headers });
export type AnswerHead = z.infer<typeof AnswerHead>;

/** Status and code go into an answer of HTTP as they are. */
export const ResetMessage = z.object({
  status: z.number().int().min(400).max(599),
  code: z.string().regex(/^[a-z][a-z0-9_]{0,63}$/),
  message: z.string(),
});
export type ResetMessage = z.infer<typeof ResetMessage>;

export interface Message {
  readonly kind: number;
  readonly exchange: number;
  readonly payload: Buffer;
}

/** Reads one message. @throws PeerFault `bad_message` */
export function decodeMessage(bytes: Buffer): Message {
  if (bytes.length < MESSAGE_HEADER_BYTES) throw new PeerFault('bad_message', 'A message of the HTTP stream is too short');
  return { kind: bytes[0] ?? 0, exchange: bytes.readUInt32BE(1), payload: bytes.subarray(MESSAGE_HEADER_BYTES) };
}

/** Writes one message with its frame around it. */
export function encodeMessage(kind: Kind, exchange: number, payload: Buffer = NOTHING): Buffer {
  const frame = Buffer.allocUnsafe(FRAME_HEADER_BYTES + MESSAGE_HEADER_BYTES + payload.length);
  let at = frame.writeUInt32BE(MESSAGE_HEADER_BYTES + payload.length);
  at = frame.writeUInt8(kind, at);
  at = frame.writeUInt32BE(exchange, at);
  frame.set(payload, at);
  return frame;
}

export function encodeHead(kind: Kind, exchange: number, head: RequestHead | AnswerHead | ResetMessage): Buffer {
  return encodeMessage(kind, exchange, Buffer.from(JSON.stringify(head)));
}

export function encodeCredit(exchange: number, bytes: number): Buffer {
  const payload = Buffer.allocUnsafe(4);
  payload.writeUInt32BE(bytes);
  return encodeMessage(KINDS.credit, exchange, payload);
}

/** @throws PeerFault `bad_message` */
export function decodeCredit(payload: Buffer): number {
  if (payload.length !== 4) throw new PeerFault('bad_message', 'A credit of the HTTP stream is not a number');
  return payload.readUInt32BE(0);
}

/** Reads a JSON payload. @throws PeerFault `bad_message` */
export function decodeHead<T>(schema: z.ZodType<T>, payload: Buffer): T {
  let value: unknown;
  try {
    value = JSON.parse(payload.toString('utf8'));
  } catch (cause) {
    throw new PeerFault('bad_message', 'A head of the HTTP stream is not JSON', { cause });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new PeerFault('bad_message', 'A head of the HTTP stream does not have the shape of one');
}

const NOTHING = Buffer.alloc(0);
