import { MASK_HOLD_MS, MASK_HOLD_MS_MAX } from './limits.ts';

/** Rings when what is held back has waited long enough for its rest: after some silence, or when it only ever grows. */
export class HoldTimer {
  readonly #ring: () => void;
  #timer: NodeJS.Timeout | undefined;
  #immediate: NodeJS.Immediate | undefined;
  #since_ms = 0;
  #isTouched = false;

  constructor(ring: () => void) {
    this.#ring = ring;
  }

  /** Output came, and some is held. `isNew`: what was held before has been passed on. */
  touch(isNew: boolean): void {
    if (isNew || this.#timer === undefined) this.#since_ms = performance.now();
    this.#isTouched = this.#timer !== undefined;
    this.#timer ??= setTimeout(this.#onTime, MASK_HOLD_MS);
  }

  stop(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#immediate);
    this.#timer = undefined;
  }

  readonly #onTime = (): void => {
    // The rest may have come while this process was busy: then it is read before this.
    this.#immediate = setImmediate(() => {
      if (this.#isTouched && performance.now() - this.#since_ms < MASK_HOLD_MS_MAX) {
        this.#isTouched = false;
        this.#timer?.refresh();
        return;
      }
      this.#timer = undefined;
      this.#ring();
    });
  };
}
