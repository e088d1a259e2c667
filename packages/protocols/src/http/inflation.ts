import { constants, createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from 'node:zlib';
import { BODY_INFLATED_BYTES_FREE, BODY_INFLATION_MAX } from './limits.ts';
import type { Coding } from './reading.ts';

/** What a compressed body is no further read for: it is broken, goes on behind its end, or becomes too large. */
export type Unreadable = 'broken' | 'too_large';

/** Reads a compressed body piece by piece. What it gives away is never longer than a chunk of zlib's. */
export class Inflation {
  readonly #decoder: Decoder;
  readonly #take: (plain: Buffer) => boolean;
  #taken = 0;
  #given = 0;
  #wrong: Unreadable | undefined;
  #isStopped = false;
  /** Whoever waits for the decoder; one that is destroyed calls nobody back. */
  #done: (() => void) | undefined;

  /** @param take gets what it says, in order; false stops it */
  constructor(coding: Coding, take: (plain: Buffer) => boolean) {
    this.#decoder = DECODERS[coding]();
    this.#take = take;
    this.#decoder.on('readable', () => this.#drain());
    this.#decoder.on('error', () => {
      this.#wrong ??= 'broken';
    });
    this.#decoder.once('close', () => this.#done?.());
  }

  /** Until everything that the piece says was given away. One piece at a time. */
  async push(piece: Buffer): Promise<Unreadable | undefined> {
    this.#taken += piece.length;
    await this.#until((done) => this.#decoder.write(piece, done));
    // What stands behind the end, some take for more of it.
    if (!this.#isStopped && this.#decoder.bytesWritten < this.#taken) this.#wrong ??= 'broken';
    return this.#wrong;
  }

  /** The body is complete. One that is cut short says no more to anybody else either. */
  async end(): Promise<Unreadable | undefined> {
    await this.#until((done) => {
      this.#decoder.once('end', done);
      this.#decoder.end();
    });
    return this.#wrong;
  }

  destroy(): void {
    this.#isStopped = true;
    this.#decoder.destroy();
  }

  async #until(begin: (done: () => void) => void): Promise<void> {
    if (this.#decoder.destroyed) return;
    await new Promise<void>((resolve) => {
      this.#done = resolve;
      begin(() => resolve());
    });
    this.#drain();
  }

  #drain(): void {
    for (let plain = this.#read(); plain !== null; plain = this.#read()) {
      this.#given += plain.length;
      if (this.#given > BODY_INFLATED_BYTES_FREE + this.#taken * BODY_INFLATION_MAX) this.#wrong ??= 'too_large';
      if (this.#wrong === undefined && this.#take(plain)) continue;
      this.destroy();
    }
  }

  #read(): Buffer | null {
    return this.#isStopped ? null : (this.#decoder.read() as Buffer | null);
  }
}

type Decoder = ReturnType<typeof createGunzip> | ReturnType<typeof createBrotliDecompress> | ReturnType<typeof createZstdDecompress>;

const zlib = { finishFlush: constants.Z_SYNC_FLUSH };

const DECODERS: Readonly<Record<Coding, () => Decoder>> = {
  gzip: () => createGunzip(zlib),
  'x-gzip': () => createGunzip(zlib),
  deflate: () => createInflate(zlib),
  br: () => createBrotliDecompress({ finishFlush: constants.BROTLI_OPERATION_FLUSH }),
  zstd: () => createZstdDecompress({ finishFlush: constants.ZSTD_e_flush }),
};
