import { setTimeout as pause } from 'node:timers/promises';

/** A part that ends by itself is started again, this many times; after that something is wrong that a start does not mend. */
const RESTARTS_MAX = 5;
const PAUSE_MS = 1_000;

export interface Part {
  /** For the person: `The gateway`. */
  readonly name: string;
  ended(): Promise<string>;
  again(): Promise<unknown>;
}

/** Starts a part again when it ends by itself. Rejects when that does not help; never resolves. */
export async function keepUp({ name, ended, again }: Part, signal: AbortSignal): Promise<never> {
  for (let restarts = 0; restarts < RESTARTS_MAX; restarts++) {
    const how = await ended();
    if (signal.aborted) return new Promise<never>(() => undefined);
    process.stderr.write(`${name} ended (${how}) and is started again\n`);
    await pause(PAUSE_MS);
    if (!signal.aborted) await again();
  }
  throw new Error(`${name} keeps ending: given up`);
}

/** As `keepUp`, for a part without which the rest goes on: what does not help is only told. */
export async function keepUpIfPossible(part: Part, signal: AbortSignal): Promise<never> {
  try {
    return await keepUp(part, signal);
  } catch (error) {
    if (!signal.aborted) process.stderr.write(`${error instanceof Error ? error.message : String(error)}\nThe rest goes on without it\n`);
    return new Promise<never>(() => undefined);
  }
}
