/** Whether new work is welcome, and why not. */
export class Readiness {
  #reason: string | undefined = 'starting';
  readonly #checks: (() => string | undefined)[] = [];

  get isReady(): boolean {
    return this.reason === undefined;
  }

  get reason(): string | undefined {
    if (this.#reason !== undefined) return this.#reason;
    for (const check of this.#checks) {
      const reason = check();
      if (reason !== undefined) return reason;
    }
    return undefined;
  }

  /** Asked each time: a reason makes the gateway not ready. */
  watch(check: () => string | undefined): void {
    this.#checks.push(check);
  }

  ready(): void {
    this.#reason = undefined;
  }

  notReady(reason: string): void {
    this.#reason = reason;
  }
}
