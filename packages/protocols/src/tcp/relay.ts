import { type AppError, Refusal } from '@hoop/core/errors';
import type { Decision, Permit } from '@hoop/core/gate';
import type { Relay, RelayPorts } from '@hoop/core/protocol';
import type { Wire } from '@hoop/core/wire';

const NOTHING = Buffer.alloc(0);

/**
 * Both directions of an opaque stream. The session itself is the one action: nothing passes either way before it was judged,
 * and it is settled with the bytes that went to the client.
 */
export class TcpRelay implements Relay {
  readonly lastWord = undefined;
  readonly #ports: RelayPorts;
  #permit: Permit | undefined;
  /** While the gate has not decided. */
  #deciding: Promise<void> | undefined;
  #bytes = 0;

  /** @throws Refusal `denied` when the gate says no at once */
  constructor(address: string, wire: Wire, ports: RelayPorts) {
    this.#ports = ports;
    const decision = ports.gate.ask('connect', address);
    if (decision instanceof Promise) this.#deciding = decision.then((late) => this.#decided(late));
    else this.#permit = permitOf(decision);
    // Who waits for it hears of its failure; when nobody does, the wire breaks.
    this.#deciding?.catch((error: Error) => wire.destroy(error));
  }

  /** What is cancelled is the session, and that is ended in another way. */
  get busy(): boolean {
    return false;
  }

  fromClient(chunk: Buffer): void | Promise<void> {
    return this.#deciding ? this.#deciding.then(() => this.#ports.toTarget(chunk)) : this.#ports.toTarget(chunk);
  }

  fromTarget(chunk: Buffer): void | Promise<void> {
    this.#bytes += chunk.length;
    return this.#deciding ? this.#deciding.then(() => this.#ports.toClient(chunk)) : this.#ports.toClient(chunk);
  }

  end(reason: AppError | undefined): Buffer {
    if (this.#permit) this.#ports.gate.settle(this.#permit, { rows: 0, bytes: this.#bytes, ...(reason ? { error: reason.code } : {}) });
    this.#permit = undefined;
    return NOTHING;
  }

  #decided(decision: Decision): void {
    this.#deciding = undefined;
    this.#permit = permitOf(decision);
  }
}

function permitOf(decision: Decision): Permit {
  if (decision.permit) return decision.permit;
  throw new Refusal('denied', decision.denial.message);
}
