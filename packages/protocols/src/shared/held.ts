/** The beginning of a message that is not there whole. How much that may be, whoever holds it says. */
export class Held {
  #chunks: Buffer[] = [];
  #bytes = 0;
  #needed = 0;

  /** Keeps the rest of a chunk until `needed` bytes are there, counted from its start. */
  keep(rest: Buffer, needed: number): void {
    this.#chunks = [rest];
    this.#bytes = rest.length;
    this.#needed = needed;
  }

  /** What is held with this chunk behind it, or the chunk itself where nothing is held; undefined until it is enough. */
  take(chunk: Buffer): Buffer | undefined {
    if (this.#bytes === 0) return chunk;
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes < this.#needed) return undefined;
    const whole = Buffer.concat(this.#chunks, this.#bytes);
    this.#chunks = [];
    this.#bytes = 0;
    return whole;
  }
}
