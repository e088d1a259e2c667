import { CHANNELS_MAX } from './limits.ts';
import { MESSAGE, recipientOf } from './messages.ts';

const ADJUST_BYTES = 9;
const AMOUNT_AT = 5;
const U32_MAX = 0xffff_ffff;

/**
 * Gathers what one side gives of its windows. OpenSSH says so for every three packets, and on its own each such message costs as
 * much as a packet full of data; a moment later it can be one for many. Nothing else is held back, and nothing overtakes.
 */
export class WindowAdjusts {
  /** By channel; an entry for each that has given something within the moment. */
  #held = new Map<number, number>();

  get size(): number {
    return this.#held.size;
  }

  /** Takes messages that are nothing else; else what was held stands in front of them. Returns what must go on now. */
  gather(messages: readonly Buffer[]): readonly Buffer[] {
    if (!messages.every(isAdjust)) return this.#held.size === 0 ? messages : [...this.release(), ...messages];
    const overfull: Buffer[] = [];
    for (const message of messages) {
      const channel = recipientOf(message);
      const sum = (this.#held.get(channel) ?? 0) + message.readUInt32BE(AMOUNT_AT);
      if (sum > U32_MAX) overfull.push(message);
      else this.#held.set(channel, sum);
    }
    return this.#held.size > CHANNELS_MAX ? [...this.release(), ...overfull] : overfull;
  }

  /** What was held, as one message a channel. */
  release(): Buffer[] {
    const messages = [...this.#held].map(([channel, amount]) => {
      const message = Buffer.allocUnsafe(ADJUST_BYTES);
      message[0] = MESSAGE.windowAdjust;
      message.writeUInt32BE(channel, 1);
      message.writeUInt32BE(amount, AMOUNT_AT);
      return message;
    });
    this.#held.clear();
    return messages;
  }
}

function isAdjust(message: Buffer): boolean {
  return message.length === ADJUST_BYTES && message[0] === MESSAGE.windowAdjust;
}
