import { TERMINAL_FRAMES, type TerminalFrameKind } from '@hoop/contract/terminal';
import type { Gate, MaskCounts } from '@hoop/core/gate';
import { MASK_HOLD_MS } from '../shared/limits.ts';
import { MaskStream } from '../shared/mask-stream.ts';
import { framesOf } from './words.ts';

/** A command's output on its way to the client: masked, each stream for itself, and counted. */
export class Output {
  readonly #gate: Gate;
  readonly #toClient: (bytes: Buffer) => void | Promise<void>;
  readonly #room: { left: number };
  readonly #streams = new Map<TerminalFrameKind, MaskStream>();
  readonly masked: MaskCounts = {};
  #timer: NodeJS.Timeout | undefined;
  bytes = 0;
  truncated = false;

  /** @param bytesMax what the client gets at most */
  constructor(gate: Gate, bytesMax: number, toClient: (bytes: Buffer) => void | Promise<void>) {
    this.#gate = gate;
    this.#room = { left: bytesMax };
    this.#toClient = toClient;
  }

  write(kind: TerminalFrameKind, payload: Buffer): void | Promise<void> {
    this.bytes += payload.length;
    const { mask } = this.#gate;
    const stream = this.#streamOf(kind);
    // Without rules nothing is looked at and nothing held.
    const passed = mask || stream.holds ? stream.push(payload, mask, this.masked) : payload;
    if (stream.holds) this.#timer ??= setTimeout(() => void this.#send(this.#flushed()), MASK_HOLD_MS);
    return this.#send(this.#within(kind, passed));
  }

  /** What is held back still, as frames; nothing more comes. */
  end(): Buffer[] {
    clearTimeout(this.#timer);
    return this.#flushed();
  }

  #streamOf(kind: TerminalFrameKind): MaskStream {
    const known = this.#streams.get(kind);
    if (known) return known;
    const stream = new MaskStream();
    this.#streams.set(kind, stream);
    return stream;
  }

  #flushed(): Buffer[] {
    this.#timer = undefined;
    return [...this.#streams].flatMap(([kind, stream]) =>
      stream.holds ? this.#within(kind, stream.flush(this.#gate.mask, this.masked)) : [],
    );
  }

  #within(kind: TerminalFrameKind, bytes: Buffer): Buffer[] {
    const kept = bytes.length > this.#room.left ? bytes.subarray(0, this.#room.left) : bytes;
    if (kept.length < bytes.length) this.truncated = true;
    this.#room.left -= kept.length;
    return kept.length === 0 ? [] : framesOf(kind === TERMINAL_FRAMES.stderr ? TERMINAL_FRAMES.stderr : TERMINAL_FRAMES.stdout, kept);
  }

  #send(frames: readonly Buffer[]): void | Promise<void> {
    return frames.length === 0 ? undefined : this.#toClient(Buffer.concat(frames));
  }
}
