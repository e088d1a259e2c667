/** Time as a port, so that tests decide what time it is. */
export interface Clock {
  /** Milliseconds since 1970, UTC. */
  now(): number;
  /** Microseconds of a clock that never goes back; only differences mean something. */
  micros(): number;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  micros: () => performance.now() * 1000,
};
