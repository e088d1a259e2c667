import { StringDecoder } from 'node:string_decoder';
import { sequenceAt } from '../escapes.ts';

/** What a client's terminal sends, key by key. */
export interface Key {
  readonly kind: 'text' | 'control' | 'sequence';
  /** Characters of `text`; what stands behind the introducer of a `sequence` (`A`, `3~`, `200~`). */
  readonly text: string;
  /** The control character. */
  readonly code: number;
  readonly bytes: Buffer;
}

const ESC = 0x1b;

/** Divides typed bytes into keys. A sequence that is cut is one key with its end: until then nothing of it is given out. */
export class KeyReader {
  #rest: Buffer = Buffer.alloc(0);
  readonly #decoder = new StringDecoder('utf8');

  /** Whether the beginning of a key is held. */
  get isMidKey(): boolean {
    return this.#rest.length > 0;
  }

  /** What comes next begins a key. */
  forget(): void {
    this.#rest = Buffer.alloc(0);
  }

  *push(chunk: Uint8Array): Generator<Key> {
    const bytes = this.#rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#rest, chunk]);
    this.#rest = Buffer.alloc(0);
    for (let at = 0; at < bytes.length; ) {
      const byte = bytes[at] ?? 0;
      let end = at + 1;
      if (byte === ESC) {
        const found = escapeEnd(bytes, at);
        if (found === undefined) {
          this.#rest = bytes.subarray(at);
          return;
        }
        end = found;
        yield { kind: 'sequence', text: bytes.toString('latin1', at + 1, end), code: ESC, bytes: bytes.subarray(at, end) };
      } else if (isControl(byte)) {
        yield { kind: 'control', text: '', code: byte, bytes: bytes.subarray(at, end) };
      } else {
        while (end < bytes.length && !isControl(bytes[end] ?? 0)) end++;
        const piece = bytes.subarray(at, end);
        yield { kind: 'text', text: this.#decoder.write(piece), code: 0, bytes: piece };
      }
      at = end;
    }
  }
}

/** Where a key that begins with Escape ends. Escape alone at the end of a chunk is the key of that name. */
function escapeEnd(bytes: Buffer, at: number): number | undefined {
  const second = bytes[at + 1];
  if (second === undefined) return at + 1;
  if (second === 0x4f) return bytes[at + 2] === undefined ? undefined : at + 3;
  if (second === 0x5b) return sequenceAt(bytes, at).end;
  // What a terminal answers to a program's question.
  if (second === 0x5d || second === 0x50) return sequenceAt(bytes, at).end ?? at + 2;
  // Alt and a key; what controls keeps its meaning.
  return isControl(second) ? at + 1 : at + 2;
}

function isControl(byte: number): boolean {
  return byte < 0x20 || byte === 0x7f;
}
