import { MASK_HOLD_MS, MASK_HOLD_MS_MAX } from './limits.ts';

/** Rings when what is held back has waited long enough for its rest: after some silence, or when it only ever grows. */
export class HoldTimer {
  readonly #ring: () => void;
  readonly #isBlocked: () => boolean;
  readonly #hold_ms: () => number;
  #timer: NodeJS.Timeout | undefined;
  #immediate: NodeJS.Immediate | undefined;
  #since_ms = 0;
  #isTouched = false;

  /** @param isBlocked whether no rest can come now, because the client takes nothing: then it is waited for. `hold_ms`: asked each time */
  constructor(ring: () => void, isBlocked: () => boolean = () => false, hold_ms: () => number = () => MASK_HOLD_MS) {
    this.#ring = ring;
    this.#isBlocked = isBlocked;
    this.#hold_ms = hold_ms;
  }

  /** Output came, and some is held. `isNew`: what was held before has been passed on. */
  touch(isNew: boolean): void {
    if (isNew || this.#timer === undefined) this.#since_ms = performance.now();
    this.#isTouched = this.#timer !== undefined;
    this.#timer ??= setTimeout(this.#onTime, this.#hold_ms());
  }

  stop(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#immediate);
    this.#timer = undefined;
  }

  readonly #onTime = (): void => {
    // The rest may have come while this process was busy: then it is read before this.
    this.#immediate = setImmediate(() => {
      if (this.#isBlocked()) this.#since_ms = performance.now();
      if (this.#isBlocked() || (this.#isTouched && performance.now() - this.#since_ms < Math.max(MASK_HOLD_MS_MAX, this.#hold_ms()))) {
        this.#isTouched = false;
        this.#timer?.refresh();
        return;
      }
      this.#timer = undefined;
      this.#ring();
    });
  };
}
