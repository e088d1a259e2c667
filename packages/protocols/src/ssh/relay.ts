import type { AppError } from '@hoop/core/errors';
import type { Relay, RelayPorts } from '@hoop/core/protocol';
import { encodeFrames, FrameRun } from '../shared/frames.ts';
import { Answers, LAST_SIGNALS } from './answers.ts';
import { Channels } from './channels.ts';
import { FRAME_BYTES_MAX } from './limits.ts';
import { encodeMessage, MESSAGE } from './messages.ts';
import { Replies } from './replies.ts';
import { type Books, Requests } from './requests.ts';
import { disconnectWords } from './words.ts';

const NOTHING = Buffer.alloc(0);

/** What a session may do beyond commands. */
export type Allowed = Books['allow'];

/** The two directions of an SSH session's connection layer. */
export class SshRelay implements Relay {
  readonly lastWord = undefined;
  readonly #books: Books;
  readonly #fromClient: FrameRun;
  readonly #fromTarget: FrameRun;

  constructor(ports: RelayPorts, allow: Allowed) {
    this.#books = {
      gate: ports.gate,
      channels: new Channels(),
      forClient: new Replies(),
      forTarget: new Replies(),
      allow,
      remoteForwards: 0,
      slowWrites: 0,
      toClient: (bytes) => this.#toClient(bytes, ports),
      toTarget: (bytes) => ports.toTarget(bytes),
    };
    const requests = new Requests(this.#books);
    const answers = new Answers(this.#books);
    this.#fromClient = new FrameRun(FRAME_BYTES_MAX, (message) => requests.take(message), this.#books.toTarget);
    this.#fromTarget = new FrameRun(FRAME_BYTES_MAX, (message) => answers.take(message), this.#books.toClient);
  }

  #toClient(bytes: Buffer, ports: RelayPorts): void | Promise<void> {
    const slow = ports.toClient(bytes);
    if (slow) {
      const taken = (): void => void this.#books.slowWrites--;
      this.#books.slowWrites++;
      slow.then(taken, taken);
    }
    return slow;
  }

  get busy(): boolean {
    for (const channel of this.#books.channels) if (channel.permit) return true;
    return false;
  }

  fromClient(chunk: Buffer): void | Promise<void> {
    return this.#fromClient.feed(chunk);
  }

  fromTarget(chunk: Buffer): void | Promise<void> {
    return this.#fromTarget.feed(chunk);
  }

  /** Ends what runs at the target: closing the connection alone would leave a command running that writes nothing. */
  end(reason: AppError | undefined): Buffer {
    const { channels, gate, toTarget } = this.#books;
    const error = reason ? `session ended: ${reason.code}` : undefined;
    const last: Buffer[] = [];
    const shown: Buffer[] = [];
    for (const channel of channels) {
      const isRunning = channel.permit !== undefined && channel.type === 'session' && channel.targetId !== undefined;
      if (isRunning)
        for (const signal of LAST_SIGNALS) last.push(encodeMessage(MESSAGE.channelRequest, channel.targetId ?? 0, 'signal', false, signal));
      if (!channel.isMuted) shown.push(...(channel.output?.end() ?? []));
      channel.output?.stop();
      channel.settle(gate, channel.error ?? error);
    }
    if (last.length > 0) void toTarget(encodeFrames(last));
    return Buffer.concat([encodeFrames(shown), reason ? disconnectWords(reason) : NOTHING]);
  }
}
