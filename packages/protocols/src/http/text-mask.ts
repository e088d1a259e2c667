import type { Mask, MaskCounts } from '@hoop/core/gate';
import { hideFirst, OpenValue } from '../shared/open-value.ts';
import { only } from './headers.ts';
import type { HeaderList } from './message.ts';

/**
 * Content that people read, and programs that speak to each other in text, alone or in parts: a client may ask for parts (OData, GraphQL) what is text
 * by itself. Pictures of a camera come as `multipart/x-mixed-replace`. Without a type it may be text.
 */
const TEXT =
  /^(text\/|message\/|multipart\/(?!x-)|[\w-]+\/[\w.+-]*\+(json|xml)|application\/([\w.+-]*(json|xml|javascript|yaml|x-www-form-urlencoded|graphql|csv|ndjson)))/i;

/** Whether a body is text by what its headers say of it. */
export function isText(headers: HeaderList): boolean {
  const type = only(headers, 'content-type');
  return type === undefined || TEXT.test(type.trim());
}

/** A value longer than this is cut in two; when its beginning is hidden, its rest is too. */
const HELD_BYTES_MAX = 16 * 1024;

/** Masks a body piece by piece; what may go on in the next piece is held back until that comes. */
export class BodyMask {
  readonly counts: MaskCounts = {};
  readonly #mask: Mask;
  readonly #open = new OpenValue();
  #held: Buffer = Buffer.alloc(0);

  constructor(mask: Mask) {
    this.#mask = mask;
  }

  /** What may go on now. A promise where the mask has to ask somebody else before; it must have settled before the next piece comes. */
  push(piece: Buffer): Buffer | Promise<Buffer> {
    const whole = this.#held.length === 0 ? piece : Buffer.concat([this.#held, piece]);
    const taken = this.#open.take(whole);
    const rest = whole.subarray(taken);
    const cut = cutAt(rest);
    this.#held = Buffer.from(rest.subarray(cut));
    return this.#apply(whole.subarray(0, taken), rest.subarray(0, cut));
  }

  end(): Buffer | Promise<Buffer> {
    const rest = this.#held;
    this.#held = Buffer.alloc(0);
    return this.#apply(Buffer.alloc(0), rest);
  }

  /** @param open what belongs to a value that began before */
  #apply(open: Buffer, text: Buffer): Buffer | Promise<Buffer> {
    const first = Buffer.from(open);
    hideFirst(first, first.length);
    const join = (shown: Buffer): Buffer => (first.length === 0 ? shown : Buffer.concat([first, shown]));
    if (text.length === 0 || !this.#mask.suspects(text)) return join(text);
    const asking = this.#mask.prepare?.([text]);
    const mask = (): Buffer => {
      const masked = this.#mask.apply(text, this.counts);
      this.#open.note(text, masked);
      return join(masked);
    };
    return asking ? asking.then(mask) : mask();
  }
}

/** Behind the last byte that no value goes over. */
function cutAt(bytes: Buffer): number {
  const from = Math.max(0, bytes.length - HELD_BYTES_MAX);
  for (let at = bytes.length - 1; at >= from; at--) if (BETWEEN[bytes[at] ?? 0]) return at + 1;
  return bytes.length > HELD_BYTES_MAX ? bytes.length : 0;
}

/** Line breaks, quotation marks, brackets and the signs between fields; not a blank, which is inside of some values. */
const BETWEEN = Uint8Array.from({ length: 256 }, (_, byte) => ('\n\r\t"<>[]{};,'.includes(String.fromCharCode(byte)) ? 1 : 0));
