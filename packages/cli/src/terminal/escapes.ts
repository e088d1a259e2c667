/** What a person tells this program, and not the command. */
export type EscapeAction = 'leave' | 'help';

export interface Escaped {
  /** What goes on to the command. */
  readonly bytes: Buffer;
  readonly action: EscapeAction | undefined;
}

/** A hand types so much at once, even over a slow link; more is pasted, and a paste is text to its last byte. */
const TYPED_BYTES_MAX = 8;

const CR = 0x0d;
const LF = 0x0a;
const DOT = 0x2e;
const QUESTION_MARK = 0x3f;

/**
 * Finds what is typed after a new line and the escape character, as ssh has it: `~.` leaves, `~?` helps, `~~` is one `~`.
 * The character itself waits until the next byte says what it was.
 */
export class EscapeFilter {
  readonly #character: number;
  #atLineStart = true;
  #held = false;

  /** @param character one ASCII character */
  constructor(character: string) {
    this.#character = character.charCodeAt(0);
  }

  /** Takes what was read; reads must come as they are, one by one. */
  push(chunk: Buffer): Escaped {
    if (chunk.length > TYPED_BYTES_MAX) return { bytes: this.#pasted(chunk), action: undefined };
    const bytes: number[] = [];
    for (const byte of chunk) {
      const action = this.#type(byte, bytes);
      // What is typed behind it was meant for nobody.
      if (action) return { bytes: Buffer.from(bytes), action };
    }
    return { bytes: Buffer.from(bytes), action: undefined };
  }

  #type(byte: number, out: number[]): EscapeAction | undefined {
    if (this.#held) {
      this.#held = false;
      if (byte === DOT || byte === QUESTION_MARK) {
        this.#atLineStart = true;
        return byte === DOT ? 'leave' : 'help';
      }
      out.push(this.#character);
      this.#atLineStart = false;
      if (byte === this.#character) return undefined;
    } else if (this.#atLineStart && byte === this.#character) {
      this.#held = true;
      return undefined;
    }
    out.push(byte);
    this.#atLineStart = byte === CR || byte === LF;
    return undefined;
  }

  #pasted(chunk: Buffer): Buffer {
    const whole = this.#held ? Buffer.concat([Buffer.from([this.#character]), chunk]) : chunk;
    this.#held = false;
    const last = chunk.at(-1);
    this.#atLineStart = last === CR || last === LF;
    return whole;
  }
}
