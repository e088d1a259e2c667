import type { Duplex } from 'node:stream';
import { HANDSHAKE_MS_MAX, HANDSHAKES_MAX } from '@hoop/core/limits';
import { STRANGER_MS_MIN } from './settings.ts';

export interface StrangerLimits {
  /** How many there may be. */
  readonly count_max: number;
  /** For how long one may be one. */
  readonly duration_ms_max: number;
  /** One that has been one for this long makes way when there are as many as there may be. */
  readonly duration_ms_min: number;
}

const LIMITS: StrangerLimits = { count_max: HANDSHAKES_MAX, duration_ms_max: HANDSHAKE_MS_MAX, duration_ms_min: STRANGER_MS_MIN };

/**
 * Connections whose peers have not proven who they are. They have a while to do so, and there are only so many of them; when there are,
 * the oldest makes way if it had time enough: who only holds connections open cannot keep agents out for longer than that.
 */
export class Strangers {
  readonly #limits: StrangerLimits;
  /** In the order in which they came. */
  readonly #all = new Map<Duplex, { readonly since_ms: number; readonly timer: NodeJS.Timeout }>();

  constructor(limits: StrangerLimits = LIMITS) {
    this.#limits = limits;
  }

  /** Takes a new connection in, or destroys it: false. */
  admit(socket: Duplex): boolean {
    const { count_max, duration_ms_max } = this.#limits;
    if (this.#all.size >= count_max && !this.#makeWay()) {
      socket.destroy();
      return false;
    }
    const timer = setTimeout(() => socket.destroy(), duration_ms_max);
    timer.unref();
    this.#all.set(socket, { since_ms: performance.now(), timer });
    socket.once('close', () => this.release(socket));
    return true;
  }

  /** It has proven who it is, or is gone. */
  release(socket: Duplex): void {
    clearTimeout(this.#all.get(socket)?.timer);
    this.#all.delete(socket);
  }

  #makeWay(): boolean {
    const [oldest] = this.#all;
    if (!oldest || performance.now() - oldest[1].since_ms < this.#limits.duration_ms_min) return false;
    this.release(oldest[0]);
    oldest[0].destroy();
    return true;
  }
}
