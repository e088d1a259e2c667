import type { Denial, LaterPart } from '@hoop/core/action';
import { Inflation, type Unreadable } from './inflation.ts';
import { BODY_CONTEXT_BYTES, BODY_HELD_MS_MAX, BODY_PIECE_BYTES } from './limits.ts';
import { encodeMessage, KINDS, type Kind, type RequestHead, type ResetMessage } from './message.ts';
import { codingOf, type ReadRequest, textOf } from './reading.ts';

export type JudgeMore = (part: Omit<LaterPart, 'via'>) => Denial | undefined;

/** Why nothing of a body may go on any more; which rule it was, if it was one. */
export interface Cut {
  readonly reset: ResetMessage;
  readonly rule?: string;
}

/** What of a body may go on: these frames, or nothing any more. */
export type Flushed = Buffer | Cut;

export const UNREADABLE_BODY: ResetMessage = {
  status: 415,
  code: 'unreadable_body',
  message: 'The compressed body cannot be read, so no rule can judge it; send it without Content-Encoding',
};

const TOO_LARGE_BODY: ResetMessage = {
  status: 415,
  code: 'unreadable_body',
  message: 'The compressed body becomes too large for rules to judge it; send it without Content-Encoding',
};

/**
 * Judges what a request's body goes on with after its beginning, in pieces of some size, each together with the end of what came
 * before it. Nothing of it goes on before that, and no more of it is kept.
 */
export class BodyGuard {
  readonly #exchange: number;
  readonly #window: BodyWindow;
  readonly #inflation: Inflation | undefined;
  #held: { readonly kind: Kind; readonly payload: Buffer }[] = [];
  #heldBytes = 0;
  #hasEnd = false;
  /** Until everything that was held before is judged, where that takes its time. */
  #flushing: Promise<Flushed> | undefined;
  #cut: Cut | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** Of what a compressed body says, so much was judged as its beginning. */
  #known: number;

  constructor(head: RequestHead, { line, plain }: ReadRequest, judge: JudgeMore, exchange: number) {
    this.#exchange = exchange;
    const coding = codingOf(head.headers);
    this.#known = plain.length;
    this.#window = new BodyWindow(head, line, coding ? NOTHING : plain, judge);
    if (coding) this.#inflation = new Inflation(coding, (inflated) => this.#onInflated(inflated));
  }

  /** Whether the body has to be given to it from its first byte. */
  get isInflating(): boolean {
    return this.#inflation !== undefined;
  }

  get holds(): boolean {
    return this.#held.length > 0;
  }

  /** Whether what is held is worth being judged. */
  get isFull(): boolean {
    return this.#hasEnd || this.#heldBytes >= BODY_PIECE_BYTES;
  }

  /** Whether a piece is so large that it needs not be held, and nothing goes before it: `look` says the rest. */
  isEnough(payload: Buffer): boolean {
    return !this.#inflation && !this.holds && payload.length >= BODY_PIECE_BYTES;
  }

  look(payload: Buffer): Cut | undefined {
    return denied(this.#window.look(payload));
  }

  hold(kind: Kind | number, payload: Buffer): void {
    this.#held.push({ kind: kind as Kind, payload: Buffer.from(payload) });
    this.#heldBytes += payload.length;
    this.#hasEnd ||= kind === KINDS.end;
  }

  /** Calls back when what is held has waited long enough. */
  watch(flush: () => void): void {
    this.#timer ??= setTimeout(flush, BODY_HELD_MS_MAX);
  }

  /** Judges what is held. In the order of the calls; what comes meanwhile is held. */
  flush(): Flushed | Promise<Flushed> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const inflation = this.#inflation;
    if (!inflation) return this.#flushPlain();
    const before = this.#flushing ?? Promise.resolve();
    const flushed = before.then(() => this.#inflate(inflation));
    this.#flushing = flushed;
    return flushed;
  }

  destroy(): void {
    clearTimeout(this.#timer);
    this.#inflation?.destroy();
    this.#held = [];
  }

  #flushPlain(): Flushed {
    const { frames, body } = this.#takeHeld();
    return this.look(body) ?? frames;
  }

  async #inflate(inflation: Inflation): Promise<Flushed> {
    const { frames, body, isEnd } = this.#takeHeld();
    for (let at = 0; at < body.length && !this.#cut; at += BODY_PIECE_BYTES) {
      const why = await inflation.push(body.subarray(at, at + BODY_PIECE_BYTES));
      // Only now: what a rule said meanwhile stands.
      this.#cut ??= unreadable(why);
    }
    if (isEnd && !this.#cut) {
      const why = await inflation.end();
      this.#cut ??= unreadable(why);
    }
    this.#cut ??= denied(this.#window.rest());
    if (this.#cut || isEnd) inflation.destroy();
    return this.#cut ?? frames;
  }

  #onInflated(plain: Buffer): boolean {
    const known = plain.subarray(0, this.#known);
    this.#known -= known.length;
    this.#window.skip(known);
    this.#cut ??= denied(this.#window.push(plain.subarray(known.length)));
    return this.#cut === undefined;
  }

  #takeHeld(): { readonly frames: Buffer; readonly body: Buffer; readonly isEnd: boolean } {
    const held = this.#held;
    const isEnd = this.#hasEnd;
    this.#held = [];
    this.#heldBytes = 0;
    this.#hasEnd = false;
    const frames = Buffer.concat(held.map(({ kind, payload }) => encodeMessage(kind, this.#exchange, payload)));
    return { frames, body: Buffer.concat(held.map(({ payload }) => payload)), isEnd };
  }
}

/** The end of what was looked at of a body, and what nobody has looked at yet. */
class BodyWindow {
  readonly #head: RequestHead;
  readonly #line: string;
  readonly #judge: JudgeMore;
  #context: Buffer = NOTHING;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;

  constructor(head: RequestHead, line: string, judged: Buffer, judge: JudgeMore) {
    this.#head = head;
    this.#line = line;
    this.#judge = judge;
    this.skip(judged);
  }

  /** This was judged before. */
  skip(plain: Buffer): void {
    if (plain.length > 0) this.#keep(Buffer.concat([this.#context, plain]));
  }

  /** Looks at what is enough for a piece. */
  push(plain: Buffer): Denial | undefined {
    this.#waiting.push(plain);
    this.#waitingBytes += plain.length;
    return this.#waitingBytes >= BODY_PIECE_BYTES ? this.rest() : undefined;
  }

  rest(): Denial | undefined {
    const piece = Buffer.concat(this.#waiting);
    this.#waiting = [];
    this.#waitingBytes = 0;
    return this.look(piece);
  }

  look(piece: Buffer): Denial | undefined {
    if (piece.length === 0) return undefined;
    const { length } = this.#context;
    const window = Buffer.concat([this.#context, piece]);
    this.#keep(window);
    const text = textOf(this.#head.headers, window, length);
    if (text === '') return undefined;
    // A character that was cut in two there is whole in the text.
    const before = textOf(this.#head.headers, window.subarray(0, length)).replace(/\ufffd{1,3}$/, '');
    return this.#judge(
      text.startsWith(before) ? { head: this.#line, before, text: text.slice(before.length) } : { head: this.#line, before: '', text },
    );
  }

  /** Begins where a character of two bytes does, if it is one. */
  #keep(window: Buffer): void {
    const surplus = Math.max(0, window.length - BODY_CONTEXT_BYTES);
    this.#context = Buffer.from(window.subarray(surplus - (surplus % 2)));
  }
}

function denied(denial: Denial | undefined): Cut | undefined {
  return denial && { reset: { status: 403, code: 'denied', message: denial.message }, rule: denial.rule };
}

function unreadable(why: Unreadable | undefined): Cut | undefined {
  return why && { reset: why === 'broken' ? UNREADABLE_BODY : TOO_LARGE_BODY };
}

const NOTHING = Buffer.alloc(0);
