import { Held } from './held.ts';
import { both, type Step } from './step.ts';

/** What a protocol says of the messages of one direction, so that they can be cut out of a stream. Positions are in `chunk`. */
export interface Cuts {
  /** How many bytes must be there before what begins at `at` can be looked at. Asked again when they are. Throws on what cannot be. */
  needs(chunk: Buffer, at: number): number;
  /** How many bytes it has, once the needed ones are there. What is not there yet goes the way of its start, as it comes. */
  total(chunk: Buffer, at: number, needed: number): number;
  /** Looks at it: its bytes are those from `at` to `end`. */
  take(chunk: Buffer, at: number, end: number): Step | Promise<Step>;
  /** Answers that are owed; absent where nobody counts them. */
  readonly owed?: { readonly isFull: boolean; room(): Promise<void> };
}

/** Cuts the messages of one direction, such as the commands of a client, and forwards runs of unchanged bytes in one piece. What comes behind an undecided command waits for it. */
export class Cutter {
  readonly #cuts: Cuts;
  readonly #send: (bytes: Buffer) => void | Promise<void>;
  readonly #held = new Held();
  /** Bytes of the current command that are still to pass, or to be dropped. */
  #passing = 0;
  #dropping = 0;

  constructor(cuts: Cuts, send: (bytes: Buffer) => void | Promise<void>) {
    this.#cuts = cuts;
    this.#send = send;
  }

  /** False while a command has been sent only in part. */
  get atBoundary(): boolean {
    return this.#passing === 0;
  }

  /** @throws what `cuts` throws */
  feed(chunk: Buffer): void | Promise<void> {
    const whole = this.#held.take(chunk);
    return whole && this.#run(whole, 0);
  }

  /** [from, at) is what passes unchanged and has not been sent yet. */
  #run(chunk: Buffer, start: number): void | Promise<void> {
    let from = start;
    let at = start;
    let sent = both(undefined, undefined);
    while (at < chunk.length) {
      const left = chunk.length - at;
      if (this.#passing > 0) {
        const taken = Math.min(this.#passing, left);
        this.#passing -= taken;
        at += taken;
        continue;
      }
      if (this.#dropping > 0) {
        if (at > from) sent = both(sent, this.#send(chunk.subarray(from, at)));
        const taken = Math.min(this.#dropping, left);
        this.#dropping -= taken;
        at += taken;
        from = at;
        continue;
      }
      const needed = this.#cuts.needs(chunk, at);
      if (left < needed) return both(sent, this.#hold(chunk, from, at, needed));
      const total = this.#cuts.total(chunk, at, needed);
      const step = this.#cuts.take(chunk, at, at + needed);
      if (step instanceof Promise) {
        // Now and not later: what was looked at before is on its way when the other direction speaks up meanwhile.
        if (at > from) sent = both(sent, this.#send(chunk.subarray(from, at)));
        return this.#later(chunk, at, total, step, sent);
      }
      if (step === 'pass') this.#passing = total;
      else {
        if (at > from) sent = both(sent, this.#send(chunk.subarray(from, at)));
        if (step !== 'drop' && step.length > 0) sent = both(sent, this.#send(step));
        from = at;
        this.#dropping = total;
      }
    }
    if (from < chunk.length) sent = both(sent, this.#send(from === 0 ? chunk : chunk.subarray(from)));
    const { owed } = this.#cuts;
    return owed?.isFull ? this.#waitForRoom(sent, owed) : sent;
  }

  /** A client that pipelines without end waits for the server to catch up. */
  async #waitForRoom(sent: void | Promise<void>, owed: { room(): Promise<void> }): Promise<void> {
    await sent;
    await owed.room();
  }

  async #later(chunk: Buffer, at: number, total: number, undecided: Promise<Step>, sent: void | Promise<void>): Promise<void> {
    await sent;
    const step = await undecided;
    if (step === 'pass') this.#passing = total;
    else {
      if (step !== 'drop') await this.#send(step);
      this.#dropping = total;
    }
    await this.#run(chunk, at);
  }

  /** Keeps an incomplete command back and sends what is in front of it. */
  #hold(chunk: Buffer, from: number, at: number, needed: number): void | Promise<void> {
    this.#held.keep(chunk.subarray(at), needed);
    return at > from ? this.#send(chunk.subarray(from, at)) : undefined;
  }
}
