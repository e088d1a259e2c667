import { type AppError, Refusal } from '@hoop/core/errors';
import type { Decision, Permit } from '@hoop/core/gate';
import type { Relay, RelayPorts } from '@hoop/core/protocol';
import type { Wire } from '@hoop/core/wire';

const NOTHING = Buffer.alloc(0);

export interface TcpRelayOptions {
  /** What is connected to, for the record. */
  readonly address: string;
  /** Whether what is said is recorded, too. */
  readonly capture: boolean;
}

/**
 * Both directions of an opaque stream. The session itself is the one action: nothing passes either way before it was judged,
 * and it is settled with the bytes that went to the client.
 */
export class TcpRelay implements Relay {
  readonly lastWord = undefined;
  readonly #ports: RelayPorts;
  readonly #capture: boolean;
  #permit: Permit | undefined;
  /** While the gate has not decided. */
  #deciding: Promise<void> | undefined;
  #bytes = 0;

  /** @throws Refusal `denied` when the gate says no at once */
  constructor({ address, capture }: TcpRelayOptions, wire: Wire, ports: RelayPorts) {
    this.#ports = ports;
    this.#capture = capture;
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
    return this.#deciding ? this.#deciding.then(() => this.#toTarget(chunk)) : this.#toTarget(chunk);
  }

  fromTarget(chunk: Buffer): void | Promise<void> {
    this.#bytes += chunk.length;
    return this.#deciding ? this.#deciding.then(() => this.#toClient(chunk)) : this.#toClient(chunk);
  }

  end(reason: AppError | undefined): Buffer {
    if (this.#permit) this.#ports.gate.settle(this.#permit, { rows: 0, bytes: this.#bytes, ...(reason ? { error: reason.code } : {}) });
    this.#permit = undefined;
    return NOTHING;
  }

  #toTarget(bytes: Buffer): void | Promise<void> {
    if (this.#capture && this.#permit) this.#ports.gate.show(this.#permit, { stream: 'stdin', bytes });
    return this.#ports.toTarget(bytes);
  }

  #toClient(bytes: Buffer): void | Promise<void> {
    if (this.#capture && this.#permit) this.#ports.gate.show(this.#permit, { stream: 'stdout', bytes });
    return this.#ports.toClient(bytes);
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
