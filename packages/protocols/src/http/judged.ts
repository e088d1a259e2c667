import type { Denial } from '@hoop/core/action';
import type { Gate, Mask, Permit } from '@hoop/core/gate';
import type { Step } from '../shared/step.ts';
import { AnswerGuard } from './answer-guard.ts';
import { BodyGuard } from './body-guard.ts';
import { ANSWER_HELD_MS_MAX, GROWING_PIECE_BYTES, NOTICE_CHARACTERS_MAX, WINDOW_BYTES } from './limits.ts';
import {
  type AnswerHead,
  encodeCredit,
  encodeHead,
  encodeMessage,
  type HeaderList,
  KINDS,
  type Kind,
  type RequestHead,
} from './message.ts';
import { type ReadRequest, readRequest } from './reading.ts';
import { BodyMask, isText } from './text-mask.ts';

/** A message that is kept back. */
interface Held {
  readonly kind: Kind;
  readonly payload: Buffer;
}

/** One request on its way through the gate, and its answer on its way back. */
export class Judged {
  readonly exchange: number;
  readonly head: RequestHead;
  permit: Permit | undefined;
  deciding = false;
  /** No rule can have read its body. */
  unreadable = false;
  bytesIn = 0;
  heldBytes = 0;
  mask: BodyMask | undefined;
  guard: AnswerGuard | undefined;
  /** Present where rules look at what the body goes on with. */
  body: BodyGuard | undefined;
  /** Until what came of the answer is with the client, where somebody had to be asked about it. */
  sending: Promise<void> | undefined;
  /** What a rule found in the answer. */
  denial: Denial | undefined;
  readonly #mask: Mask | undefined;
  #held: Held[] = [];
  #read: { readonly request: ReadRequest; readonly messages: number } | undefined;
  #status: number | undefined;
  #bytesOut = 0;
  /** Of a masked answer: what the target sent, what the client got, and what the client allowed and the target was told of. */
  #taken = 0;
  #given = 0;
  #allowed = 0;
  #told = 0;
  /** What of an answer that becomes longer is not hidden yet; the target's credit bounds it. */
  #late: Held[] = [];
  #settled = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(exchange: number, head: RequestHead, mask: Mask | undefined) {
    this.exchange = exchange;
    this.head = head;
    this.#mask = mask;
  }

  /** Keeps a message back until the request is judged. */
  hold(kind: number, payload: Buffer): void {
    this.#held.push({ kind: kind as Kind, payload: Buffer.from(payload) });
    if (kind === KINDS.data) this.heldBytes += payload.length;
  }

  /** What the gate judges and the audit keeps. */
  read(): ReadRequest {
    const body = this.#held.filter(({ kind }) => kind === KINDS.data).map(({ payload }) => payload);
    const request = readRequest(this.head, Buffer.concat(body));
    this.#read = { request, messages: this.#held.length };
    return request;
  }

  /** The request as it goes on, with what was held of it and judged. The rest is with `body`, where rules look at that. */
  permitted(permit: Permit, gate: Gate): Step {
    this.permit = permit;
    const held = this.#held;
    this.#held = [];
    const judged = gate.judgesMore ? this.#guardBody(permit, gate, held) : held.length;
    const frames = held.slice(0, judged).map(({ kind, payload }) => encodeMessage(kind, this.exchange, payload));
    this.#read = undefined;
    return Buffer.concat([encodeHead(KINDS.request, this.exchange, this.#forTarget()), ...frames]);
  }

  /** Returns how many of the messages that were held may go on as they are. */
  #guardBody(permit: Permit, gate: Gate, held: readonly Held[]): number {
    if (!this.#read || this.head.body === 'none') return held.length;
    const { request, messages } = this.#read;
    if (request.whole && held.slice(0, messages).some(({ kind }) => kind === KINDS.end)) return held.length;
    this.body = new BodyGuard(this.head, request, (part) => gate.judgeMore(permit, { via: 'request', ...part }), this.exchange);
    // Who reads a compressed body reads it from its first byte.
    const judged = this.body.isInflating ? 0 : messages;
    for (const { kind, payload } of held.slice(judged)) this.body.hold(kind, payload);
    return judged;
  }

  /** Something of the target's answer is with the client. */
  get answerBegun(): boolean {
    return this.#status !== undefined && (this.guard?.begun ?? true);
  }

  answered(head: AnswerHead): Step {
    this.#status = head.status;
    const { answer, notice } = this.permit ?? {};
    const told: HeaderList = notice === undefined ? head.headers : [...head.headers, ['hoop-notice', headerText(notice)]];
    if (head.status !== 101 && isText(head.headers)) {
      if (this.#mask) this.mask = new BodyMask(this.#mask);
      if (answer?.forbids) this.guard = new AnswerGuard(answer.forbids);
    }
    if (!this.mask && !this.guard && told === head.headers) return 'pass';
    const headers = this.mask ? told.filter(([name]) => !DEPENDS_ON_BODY.has(name)) : told;
    return this.#hold(encodeHead(KINDS.answer, this.exchange, { status: head.status, headers: headers as AnswerHead['headers'] }), 0);
  }

  /** Whether what the client gets may be longer than what the target sent. */
  get mayGrow(): boolean {
    return this.mask !== undefined && this.#mask?.keepsLength === false;
  }

  /** Keeps a message of an answer that may grow until there is room for it. */
  delay(kind: number, payload: Buffer): void {
    const kept = Buffer.from(payload);
    for (let at = 0; at < kept.length || at === 0; at += GROWING_PIECE_BYTES) {
      this.#late.push({ kind: kind as Kind, payload: kept.subarray(at, at + GROWING_PIECE_BYTES) });
    }
  }

  /** The next one, if the client has room. */
  nextLate(): Held | undefined {
    return this.sending || this.#given >= WINDOW_BYTES + this.#allowed ? undefined : this.#late.shift();
  }

  /** A piece of the answer's body. When a rule forbids it, `denial` says so afterwards, and nothing of it is in the step. */
  answerPiece(payload: Buffer): Step | Promise<Step> {
    this.#bytesOut += payload.length;
    this.denial = this.guard?.look(payload);
    if (this.denial) return 'drop';
    if (!this.mask) return this.guard ? this.#hold(encodeMessage(KINDS.data, this.exchange, payload), payload.length) : 'pass';
    this.#taken += payload.length;
    const masked = this.mask.push(payload);
    const pass = (bytes: Buffer): Step => this.#hold(this.#piece(bytes), payload.length);
    return masked instanceof Promise ? masked.then(pass) : pass(masked);
  }

  answerEnd(): Step | Promise<Step> {
    if (!this.mask && !this.guard) return 'pass';
    const rest = this.mask?.end() ?? NOTHING;
    const end = (bytes: Buffer): Step =>
      Buffer.concat([this.guard?.release() ?? NOTHING, this.#piece(bytes), encodeMessage(KINDS.end, this.exchange)]);
    return rest instanceof Promise ? rest.then(end) : end(rest);
  }

  /** Calls back when what is held of the answer has been held for long enough. */
  watchHeld(release: (frames: Buffer) => void): void {
    if (!this.guard?.holds) return;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      if (!this.#settled && this.guard) release(this.guard.release());
    }, ANSWER_HELD_MS_MAX);
  }

  /** The client takes more of a masked answer. */
  credit(bytes: number): Step {
    this.#allowed += bytes;
    return this.owedCredit() ?? 'drop';
  }

  /** What the target may send more, in bytes of its own: the client counts those of the masked body. */
  owedCredit(): Buffer | undefined {
    if (!this.mask) return undefined;
    const bytes = this.#allowed + this.#taken - this.#given - this.#told;
    if (bytes < CREDIT_BYTES_MIN) return undefined;
    this.#told += bytes;
    return encodeCredit(this.exchange, bytes);
  }

  /** Says how it ended. Once, and only of what was let through. */
  settle(gate: Gate, error: string | undefined): void {
    clearTimeout(this.#timer);
    this.body?.destroy();
    if (!this.permit || this.#settled) return;
    this.#settled = true;
    const counts = this.mask?.counts ?? {};
    gate.settle(this.permit, {
      rows: 0,
      bytes: this.#bytesOut,
      bytes_in: this.bytesIn,
      ...(this.#status === undefined ? {} : { status: this.#status }),
      ...(Object.keys(counts).length > 0 ? { masked: counts } : {}),
      ...(error === undefined ? {} : { error }),
    });
  }

  #hold(frames: Buffer, bytes: number): Buffer {
    return this.guard ? this.guard.hold(frames, bytes) : frames;
  }

  #piece(masked: Buffer): Buffer {
    this.#given += masked.length;
    return masked.length === 0 ? masked : encodeMessage(KINDS.data, this.exchange, masked);
  }

  /** Where the answer is to be read, it must come as it is, and whole. */
  #forTarget(): RequestHead {
    const isRead = this.#mask !== undefined || this.permit?.answer?.forbids !== undefined;
    if (!isRead || this.head.upgrade !== undefined) return this.head;
    const headers = this.head.headers
      .filter(([name]) => !WANTS_PARTS.has(name))
      .map(([name, value]): [string, string] => [name, name === 'accept' ? readable(value) : value]);
    return { ...this.head, headers: [...headers, ['accept-encoding', 'identity']], plain: true };
  }
}

const NOTHING = Buffer.alloc(0);

/** In one line of what every client takes in a header. */
function headerText(text: string): string {
  return text
    .slice(0, NOTICE_CHARACTERS_MAX)
    .replace(/\s+/g, ' ')
    .replace(/[^\x20-\x7e]/gu, '?');
}

/** What is said of a body that is another one now. */
const DEPENDS_ON_BODY = new Set(['content-length', 'content-md5', 'digest', 'content-digest', 'repr-digest', 'etag', 'accept-ranges']);
/** Renditions of data that are not text, and would pass every mask. */
const OPAQUE = /protobuf|cbor|msgpack|messagepack|avro|thrift|bson|parquet|arrow|smile/i;

/** What a client would like to be answered in, without those. */
function readable(accept: string): string {
  const kept = accept.split(',').filter((type) => !OPAQUE.test(type));
  return kept.length > 0 ? kept.join(',') : 'application/json';
}

const WANTS_PARTS = new Set(['accept-encoding', 'range', 'if-range']);

/** Smaller grants wait for more. */
const CREDIT_BYTES_MIN = 4 * 1024;
