import { PeerFault } from '@hoop/core/errors';
import type { ExecuteContext, Execution } from '@hoop/core/protocol';
import { encodeFrames, FrameReader } from '../shared/frames.ts';
import { EXECUTE_WINDOW_BYTES, FRAME_BYTES_MAX } from './limits.ts';
import { dataOf, decodeRequest, encodeMessage, extendedDataOf, Fields, MESSAGE, senderOf } from './messages.ts';

const CHANNEL = 0;
const PACKET_BYTES_MAX = 32 * 1024;
const FAILED = 1;
const DECODER = new TextDecoder();

/**
 * Runs a script as one command line of the host's shell, as a client of our own relay. Output and error output come in the order in
 * which the host sent them; there is no terminal and no input.
 */
export async function execute(context: ExecuteContext): Promise<Execution> {
  const run = new Run(context);
  await context.wire.write(encodeFrames([encodeMessage(MESSAGE.channelOpen, 'session', CHANNEL, EXECUTE_WINDOW_BYTES, PACKET_BYTES_MAX)]));
  const reader = new FrameReader(FRAME_BYTES_MAX, (message) => run.take(message));
  while (!run.isOver) {
    const chunk = await context.wire.read();
    if (!chunk) break;
    reader.push(chunk);
    await run.flush();
  }
  context.wire.end();
  return { exitCode: run.exitCode, truncated: run.isTruncated };
}

class Run {
  readonly #context: ExecuteContext;
  readonly #output: Buffer[] = [];
  readonly #answers: Buffer[] = [];
  #target = 0;
  #bytes = 0;
  #unacknowledged = 0;
  isOver = false;
  isTruncated = false;
  /** A command that says nothing of how it ended has not ended well. */
  exitCode = FAILED;

  constructor(context: ExecuteContext) {
    this.#context = context;
  }

  take(message: Buffer): void {
    switch (message[0]) {
      case MESSAGE.openConfirmation:
        this.#target = senderOf(message);
        this.#answers.push(encodeMessage(MESSAGE.channelRequest, this.#target, 'exec', true, this.#context.script));
        this.#answers.push(encodeMessage(MESSAGE.eof, this.#target));
        return;
      case MESSAGE.openFailure:
      case MESSAGE.channelFailure:
        this.isOver = true;
        return;
      case MESSAGE.data:
        this.#add(dataOf(message));
        return;
      case MESSAGE.extendedData:
        this.#add(extendedDataOf(message).bytes);
        return;
      case MESSAGE.channelRequest:
        this.#request(message);
        return;
      case MESSAGE.close:
        this.#answers.push(encodeMessage(MESSAGE.close, this.#target));
        this.isOver = true;
        return;
      case MESSAGE.disconnect: {
        const fields = new Fields(message, 1);
        fields.u32();
        this.#add(Buffer.from(`${DECODER.decode(fields.bytes())}\n`));
        this.isOver = true;
        return;
      }
      case MESSAGE.globalRequest:
        if (decodeRequest(message, 1).wantReply) this.#answers.push(Buffer.from([MESSAGE.requestFailure]));
        return;
      case MESSAGE.channelSuccess:
      case MESSAGE.windowAdjust:
      case MESSAGE.eof:
        return;
      default:
        throw new PeerFault('bad_message', 'The session sent a message that no command has asked for');
    }
  }

  async flush(): Promise<void> {
    for (const piece of this.#output.splice(0)) await this.#context.write(piece);
    if (this.#unacknowledged >= EXECUTE_WINDOW_BYTES / 2) {
      this.#answers.push(encodeMessage(MESSAGE.windowAdjust, this.#target, this.#unacknowledged));
      this.#unacknowledged = 0;
    }
    const answers = this.#answers.splice(0);
    if (answers.length > 0) await this.#context.wire.write(encodeFrames(answers));
  }

  #add(bytes: Buffer): void {
    this.#unacknowledged += bytes.length;
    const kept = bytes.subarray(0, this.#context.outputBytesMax - this.#bytes);
    if (kept.length < bytes.length) this.isTruncated = true;
    if (kept.length === 0) return;
    this.#bytes += kept.length;
    this.#output.push(Buffer.from(kept));
  }

  #request(message: Buffer): void {
    const { name, wantReply, fields } = decodeRequest(message, 5);
    if (name === 'exit-status') this.exitCode = fields.u32();
    else if (name === 'exit-signal') this.exitCode = 128 + (SIGNALS[fields.text()] ?? 0);
    if (wantReply) this.#answers.push(encodeMessage(MESSAGE.channelFailure, this.#target));
  }
}

/** As a shell tells what a signal ended. */
const SIGNALS: Readonly<Record<string, number>> = {
  HUP: 1,
  INT: 2,
  QUIT: 3,
  ILL: 4,
  ABRT: 6,
  FPE: 8,
  KILL: 9,
  SEGV: 11,
  PIPE: 13,
  ALRM: 14,
  TERM: 15,
};
