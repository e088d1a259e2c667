import { randomInt } from 'node:crypto';
import { readTestEnv } from '../support/env.ts';

/** Random choices that a seed repeats. (mulberry32) */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A whole number from 0 to `below`, without it. */
  number(below: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.number(from.length)] as T;
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.number(256)));
  }

  /** Cuts bytes into chunks, at every place or at a few. */
  chunks(whole: Buffer): Buffer[] {
    const longest = this.pick([1, 3, 16, 200, whole.length + 1]);
    const cut: Buffer[] = [];
    for (let at = 0; at < whole.length; ) {
      const length = 1 + this.number(longest);
      cut.push(Buffer.from(whole.subarray(at, at + length)));
      at += length;
    }
    return cut;
  }

  /** Flips, drops, doubles or invents some bytes; now and then a length field becomes one that bites. */
  mutate(whole: Buffer): Buffer {
    let bytes = Buffer.from(whole);
    for (let times = 1 + this.number(4); times > 0 && bytes.length > 0; times--) {
      const at = this.number(bytes.length);
      const change = this.number(5);
      if (change === 0) bytes[at] = this.number(256);
      else if (change === 1) bytes = bytes.subarray(0, at);
      else if (change === 2) bytes = Buffer.concat([bytes.subarray(0, at), this.bytes(this.number(8)), bytes.subarray(at)]);
      else if (change === 3) bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + this.number(6))]);
      else if (at + 4 <= bytes.length) bytes.writeUInt32BE(this.pick(BITING_LENGTHS), at);
    }
    return bytes;
  }
}

const BITING_LENGTHS = [0, 1, 3, 4, 5, 0x7fffffff, 0x80000000, 0xffffffff, 0x3fffffff, 0x40000000];

/** A round failed; `seed` repeats it with HOOP_TEST_SEED. */
export class FuzzFailure extends Error {
  readonly seed: number;

  constructor(name: string, seed: number, cause: unknown) {
    super(`Fuzzer ${name} failed; HOOP_TEST_SEED=${seed} repeats it: ${cause instanceof Error ? cause.message : cause}`, { cause });
    this.seed = seed;
  }
}

/**
 * Runs rounds until the time is over, each with a seed of its own. Resolves with their number.
 * @throws FuzzFailure at the first round that fails
 */
export async function fuzz(name: string, round: (dice: Dice) => void | Promise<void>): Promise<number> {
  const { seed, fuzz_ms } = readTestEnv();
  const end = performance.now() + fuzz_ms;
  let rounds = 0;
  do {
    const own = seed ?? randomInt(2 ** 32);
    try {
      await round(new Dice(own));
    } catch (error) {
      throw new FuzzFailure(name, own, error);
    }
    rounds++;
  } while (seed === undefined && performance.now() < end);
  return rounds;
}
