import { PeerFault } from '@hoop/core/errors';
import { encodeMessage, MESSAGE, STDERR } from '../messages.ts';

/** Which of a command's two outputs. */
export type OutputKind = 'stdout' | 'stderr';

/** A target may send so much ahead of what the client has been given of it: what is kept here grows with it. */
const TARGET_ROOM_BYTES_MAX = 2 * 1024 * 1024;

/** A target is forgiven so much beyond its room: a message that is longer than the rest of it. */
const OVERRUN_BYTES_MAX = 64 * 1024;

/** Room is told to the target in steps of this; less only when it has none and nothing else could bring more. */
const GRANT_BYTES_MIN = 32 * 1024;

/** Every side takes data messages of this size. (RFC 4254, section 5.2; RFC 4253, section 6.1) */
const PIECE_BYTES_MAX = 32 * 1024;
const PIECE_BYTES_MIN = 1024;

/** Rest of a message that waits for room: data of one of the outputs, or any other message behind it. */
type Waiting = { readonly kind: OutputKind; bytes: Buffer } | { readonly kind: 'message'; readonly bytes: Buffer };

/**
 * The windows of one channel, apart from each other: where output is changed on its way, what the client is given is not as long as what
 * the target sent. What the client has no room for waits here, and the target gets no more room than the client has left
 * beside that. (RFC 4254, section 5.2)
 */
export class Flow {
  #clientRoom: number;
  #targetRoom: number;
  readonly #clientId: number;
  readonly #pieceBytes: number;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;

  /** @param room what the client takes and the target may send, which is the same as long as nothing was changed */
  constructor(clientId: number, room: number, packetBytesMax: number) {
    this.#clientId = clientId;
    this.#clientRoom = room;
    this.#targetRoom = room;
    this.#pieceBytes = Math.max(PIECE_BYTES_MIN, Math.min(PIECE_BYTES_MAX, packetBytesMax));
  }

  get isWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  /** The target can send nothing now. */
  get isFull(): boolean {
    return this.#waiting.length > 0 || this.#targetRoom <= 0;
  }

  /** The target sent so many bytes. @throws PeerFault `window_overrun` where it has no room for them: they would wait here without end */
  took(count: number): void {
    this.#targetRoom -= count;
    if (this.#targetRoom < -OVERRUN_BYTES_MAX)
      throw new PeerFault('window_overrun', 'The host sends more on an SSH channel than it was given room for');
  }

  /** Messages with this output, as far as the client has room now. */
  send(kind: OutputKind, bytes: Buffer): Buffer[] {
    if (bytes.length === 0) return [];
    this.#waiting.push({ kind, bytes });
    this.#waitingBytes += bytes.length;
    return this.#ready();
  }

  /** A message that must not come before what waits. */
  after(message: Buffer): Buffer[] {
    if (this.#waiting.length === 0) return [message];
    this.#waiting.push({ kind: 'message', bytes: Buffer.from(message) });
    return [];
  }

  /** The client has room for more: what can be said now. */
  given(amount: number): Buffer[] {
    this.#clientRoom += amount;
    return this.#ready();
  }

  /** How much more room the target is to be told of; 0: nothing worth a message. */
  grant(): number {
    const room = Math.min(this.#clientRoom - this.#waitingBytes, TARGET_ROOM_BYTES_MAX);
    const more = room - this.#targetRoom;
    // A little at a time would come back in as many little messages.
    if (more <= 0 || (more < GRANT_BYTES_MIN && (this.#targetRoom > 0 || this.isWaiting))) return 0;
    this.#targetRoom += more;
    return more;
  }

  /** The client wants no more output: of what waits only messages are left. */
  abandon(): Buffer[] {
    const messages = this.#waiting.flatMap(({ kind, bytes }) => (kind === 'message' ? [bytes] : []));
    this.#waiting = [];
    this.#waitingBytes = 0;
    return messages;
  }

  #ready(): Buffer[] {
    const messages: Buffer[] = [];
    for (let next = this.#waiting[0]; next; next = this.#waiting[0]) {
      if (next.kind === 'message') messages.push(next.bytes);
      else {
        const piece = next.bytes.subarray(0, Math.min(this.#clientRoom, this.#pieceBytes));
        if (piece.length === 0) break;
        messages.push(dataMessage(this.#clientId, next.kind, piece));
        this.#clientRoom -= piece.length;
        this.#waitingBytes -= piece.length;
        next.bytes = next.bytes.subarray(piece.length);
        if (next.bytes.length > 0) continue;
      }
      this.#waiting.shift();
    }
    return messages;
  }
}

export function dataMessage(recipient: number, kind: OutputKind, bytes: Buffer): Buffer {
  return kind === 'stdout' ? encodeMessage(MESSAGE.data, recipient, bytes) : encodeMessage(MESSAGE.extendedData, recipient, STDERR, bytes);
}
