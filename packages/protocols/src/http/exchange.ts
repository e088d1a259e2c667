import { Duplex, type Writable } from 'node:stream';
import { PeerFault } from '@hoop/core/errors';
import { PIECE_BYTES_MAX, WINDOW_BYTES } from './limits.ts';
import { decodeCredit, encodeCredit, encodeHead, encodeMessage, KINDS, type Message, type ResetMessage } from './message.ts';

/** What an exchange sends through. */
export interface ExchangePort {
  send(frames: Buffer): void;
}

/** The other side gave an exchange up, with its words. */
export class ExchangeReset extends Error {
  readonly reset: ResetMessage;

  constructor(reset: ResetMessage) {
    super(reset.message);
    this.reset = reset;
  }
}

/** The two bodies of one exchange, as a stream: what is written goes to the other side as fast as that takes it. */
export class Exchange extends Duplex {
  readonly id: number;
  readonly #port: ExchangePort;
  /** Bytes that may still be sent. */
  #credit = WINDOW_BYTES;
  #waiting: { chunk: Buffer; callback: (error?: Error | null) => void } | undefined;
  /** Bytes that were given to the reader and not granted anew. */
  #taken = 0;
  #received = 0;
  #granted = WINDOW_BYTES;
  #said = false;
  #heard = false;

  constructor(id: number, port: ExchangePort, onOver: (exchange: Exchange) => void) {
    super({ allowHalfOpen: true, emitClose: true, readableHighWaterMark: PIECE_BYTES_MAX, writableHighWaterMark: PIECE_BYTES_MAX });
    this.id = id;
    this.#port = port;
    this.once('close', () => onOver(this));
  }

  /** @throws PeerFault `bad_message` when the other side breaks the rules */
  receive({ kind, payload }: Message): void {
    if (kind === KINDS.data) this.#onData(payload);
    else if (kind === KINDS.end) this.#onEnd();
    else if (kind === KINDS.credit) this.#onCredit(decodeCredit(payload));
  }

  /** Passes on what the other side says, to its end. What is whole at the end of this turn goes in one, without the price of a pipe. */
  sendTo(out: Writable): void {
    queueMicrotask(() => {
      if (this.destroyed) return;
      if (this.#heard && this.readableLength <= PIECE_BYTES_MAX) out.end(this.read() ?? undefined);
      else this.pipe(out);
    });
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this.#waiting = { chunk, callback };
    this.#push();
  }

  override _final(callback: (error?: Error | null) => void): void {
    this.#said = true;
    this.#port.send(encodeMessage(KINDS.end, this.id));
    callback();
  }

  override _read(): void {
    if (this.#taken >= WINDOW_BYTES / 2) this.#grant();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    if (!(this.#said && this.#heard) && !(error instanceof ExchangeReset)) {
      const reset = { status: 502, code: 'given_up', message: error?.message ?? 'The other side left' };
      this.#port.send(encodeHead(KINDS.reset, this.id, reset));
    }
    this.#said = true;
    this.#heard = true;
    this.#waiting = undefined;
    callback(error);
  }

  #onData(payload: Buffer): void {
    if (this.#heard) return;
    this.#received += payload.length;
    // One window more than was granted: what is hidden on the way may have become longer.
    if (this.#received > this.#granted + WINDOW_BYTES) throw new PeerFault('bad_message', 'A body is longer than was allowed to be sent');
    this.#taken += payload.length;
    // A small part of a large buffer would keep all of it.
    const kept = payload.length * 2 < payload.buffer.byteLength ? Buffer.from(payload) : payload;
    if (this.push(kept) && this.#taken >= WINDOW_BYTES / 2) this.#grant();
  }

  #onEnd(): void {
    if (this.#heard) return;
    this.#heard = true;
    this.push(null);
  }

  #onCredit(bytes: number): void {
    this.#credit += bytes;
    this.#push();
  }

  #grant(): void {
    if (this.#heard) return;
    const bytes = this.#taken;
    this.#taken = 0;
    this.#granted += bytes;
    this.#port.send(encodeCredit(this.id, bytes));
  }

  #push(): void {
    while (this.#waiting && this.#credit > 0) {
      const { chunk, callback } = this.#waiting;
      const bytes = Math.min(chunk.length, this.#credit, PIECE_BYTES_MAX);
      this.#credit -= bytes;
      this.#port.send(encodeMessage(KINDS.data, this.id, chunk.subarray(0, bytes)));
      if (bytes < chunk.length) this.#waiting = { chunk: chunk.subarray(bytes), callback };
      else {
        this.#waiting = undefined;
        callback();
      }
    }
  }
}
