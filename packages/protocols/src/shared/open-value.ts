import { MASK_BLOCK_BYTES_MAX, MASK_RUN_BYTES_MAX, MASK_TOKEN_BYTES_MAX } from './limits.ts';

const BEGIN = Buffer.from('-----BEGIN ');
const END = Buffer.from('-----END ');
const DASHES = Buffer.from('-----');
const LABEL = /^-----BEGIN [A-Z0-9 ]*PRIVATE KEY( BLOCK)?-----/;
const LABEL_BYTES_MAX = 64;
/** A marker that was cut in two is found with so much of what came before. */
const TAIL_BYTES = END.length + LABEL_BYTES_MAX + DASHES.length;
const HASH = 0x23;

type Kind = 'none' | 'block' | 'token';

/**
 * A value that was hidden and goes on: a private key of RFC 7468 whose end has not come, or a token that is longer than what is
 * remembered of it. All of it is hidden until it ends, and that within a bound.
 */
export class OpenValue {
  #kind: Kind = 'none';
  #bytes = 0;
  /** The last bytes of a block. */
  #tail: Buffer = Buffer.alloc(0);

  get isOpen(): boolean {
    return this.#kind !== 'none';
  }

  copy(): OpenValue {
    const other = new OpenValue();
    other.#kind = this.#kind;
    other.#bytes = this.#bytes;
    other.#tail = this.#tail;
    return other;
  }

  /** Nothing is hidden any more. */
  forget(): void {
    this.#kind = 'none';
    this.#bytes = 0;
    this.#tail = Buffer.alloc(0);
  }

  /** How many bytes at the beginning of `text` belong to what began before. */
  take(text: Buffer): number {
    if (this.#kind === 'none') return 0;
    const [own, ends] = this.#kind === 'block' ? this.#blockEnd(text) : tokenEnd(text);
    const most = (this.#kind === 'block' ? MASK_BLOCK_BYTES_MAX : MASK_TOKEN_BYTES_MAX) - this.#bytes;
    this.#bytes += own;
    if (ends || own >= most) this.forget();
    return Math.min(own, most);
  }

  #blockEnd(text: Buffer): readonly [number, boolean] {
    const whole = Buffer.concat([this.#tail, text]);
    for (let at = whole.indexOf(END); at >= 0; at = whole.indexOf(END, at + END.length)) {
      const close = whole.indexOf(DASHES, at + END.length);
      if (close >= 0 && close - at <= LABEL_BYTES_MAX) return [Math.max(0, close + DASHES.length - this.#tail.length), true];
    }
    this.#tail = Buffer.from(whole.subarray(Math.max(0, whole.length - TAIL_BYTES)));
    return [text.length, false];
  }

  /** Looks at a text that was masked, and at what became of it: whether a value goes on behind its end. */
  note(text: Buffer, masked: Buffer): void {
    if (this.isOpen || masked === text) return;
    const isHidden = (at: number): boolean => masked.length !== text.length || masked[at] !== text[at];
    const begin = text.lastIndexOf(BEGIN);
    if (begin >= 0 && LABEL.test(text.toString('latin1', begin, begin + LABEL_BYTES_MAX)) && isHidden(begin)) {
      this.#kind = 'block';
      this.#bytes = 0;
      this.#tail = Buffer.alloc(0);
      const [, ends] = this.#blockEnd(text.subarray(begin));
      if (ends) this.forget();
      else this.#bytes = text.length - begin;
      return;
    }
    const last = text.length - 1;
    if (last < MASK_RUN_BYTES_MAX || !isHidden(last)) return;
    for (let at = last; at > last - MASK_RUN_BYTES_MAX; at--) if (IN_TOKEN[text[at] ?? 0] === 0) return;
    this.#kind = 'token';
    this.#bytes = 0;
  }
}

function tokenEnd(text: Buffer): readonly [number, boolean] {
  let to = 0;
  while (to < text.length && IN_TOKEN[text[to] ?? 0] === 1) to++;
  return [to, to < text.length];
}

/** Hides the first bytes of a text; the ends of lines stay, so that what is shown keeps its lines. */
export function hideFirst(text: Buffer, bytes: number): void {
  for (let at = 0; at < bytes; at++) if (text[at] !== 0x0a && text[at] !== 0x0d) text[at] = HASH;
}

/** Letters, digits and the signs that tokens have inside of them. */
export const IN_TOKEN = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte < 0x80 && /[A-Za-z0-9+/=_.-]/.test(String.fromCharCode(byte)) ? 1 : 0,
);
