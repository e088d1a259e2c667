import { z } from 'zod';

/**
 * What a client and a command say to each other inside a session: `hoop connect` and `hoop exec` on custom connections, and a browser's terminal.
 *
 *   frame   u8 kind | u32 payload bytes, big endian | payload
 *
 * The client's first frame is `start`. The command's last one is `exit`, after everything that it wrote.
 */
export const TERMINAL_FRAMES = {
  /** Client: `StartMessage`, JSON. */
  start: 1,
  /** Client: what was typed, or a piece of the script. */
  input: 2,
  /** Client: the script is complete. */
  inputEnd: 3,
  /** Client: `u16 columns | u16 rows`. */
  resize: 4,
  /** Client: a name out of `TERMINAL_SIGNALS`, for the command's process group. */
  signal: 5,
  /** To the client: output; of a terminal all of it, of a pipe the first of its two streams. */
  stdout: 16,
  stderr: 17,
  /** To the client: `ExitMessage`, JSON. */
  exit: 18,
  /** To the client: words of the gateway, UTF-8, one line: a denial, a reason for the end. Not output of the command. */
  notice: 19,
} as const;
export type TerminalFrameKind = (typeof TERMINAL_FRAMES)[keyof typeof TERMINAL_FRAMES];

export const TERMINAL_HEADER_BYTES = 5;

/** A longer payload is a fault of the peer; writers cut at `TERMINAL_CHUNK_BYTES`. */
export const TERMINAL_PAYLOAD_BYTES_MAX = 1024 * 1024;

/** How much one frame of input or output carries at most. */
export const TERMINAL_CHUNK_BYTES = 64 * 1024;

/** What a client may send to the command's process group. */
export const TERMINAL_SIGNALS = ['HUP', 'INT', 'QUIT', 'TERM', 'KILL', 'USR1', 'USR2'] as const;
export type TerminalSignal = (typeof TERMINAL_SIGNALS)[number];

const Cells = z.number().int().min(1).max(10_000);

export const StartMessage = z.object({
  /** `pty`: a terminal. `pipe`: input is a script, output comes as two streams. */
  mode: z.enum(['pty', 'pipe']),
  /** Appended to the connection's command, each as one argument. */
  args: z.array(z.string().max(65_536)).max(1_000).default([]),
  columns: Cells.default(80),
  rows: Cells.default(24),
  /** The client's TERM. */
  term: z.string().max(64).default('xterm-256color'),
  /** After so many milliseconds the command is ended; 0: no limit but the agent's. */
  timeout_ms: z.number().int().min(0).default(0),
});
export type StartMessage = z.infer<typeof StartMessage>;

export const ExitMessage = z.object({
  /** As a shell tells it: 128 and the number of the signal where one ended it. */
  code: z.number().int(),
  signal: z.string().optional(),
  /** Output past the limit was cut. */
  truncated: z.boolean().optional(),
});
export type ExitMessage = z.infer<typeof ExitMessage>;

export interface TerminalFrame {
  readonly kind: number;
  readonly payload: Uint8Array;
}

/** Writes one frame. */
export function encodeTerminalFrame(kind: TerminalFrameKind, payload: Uint8Array): Uint8Array {
  const frame = new Uint8Array(TERMINAL_HEADER_BYTES + payload.length);
  frame[0] = kind;
  new DataView(frame.buffer).setUint32(1, payload.length);
  frame.set(payload, TERMINAL_HEADER_BYTES);
  return frame;
}

/** Writes one frame with a JSON message. */
export function encodeTerminalMessage(kind: TerminalFrameKind, message: StartMessage | ExitMessage): Uint8Array {
  return encodeTerminalFrame(kind, new TextEncoder().encode(JSON.stringify(message)));
}

/** Writes a `resize` frame. */
export function encodeResize(columns: number, rows: number): Uint8Array {
  const payload = new Uint8Array(4);
  const view = new DataView(payload.buffer);
  view.setUint16(0, columns);
  view.setUint16(2, rows);
  return encodeTerminalFrame(TERMINAL_FRAMES.resize, payload);
}

/** Reads a `resize` payload; undefined where it is none. */
export function decodeResize(payload: Uint8Array): { readonly columns: number; readonly rows: number } | undefined {
  if (payload.length !== 4) return undefined;
  const view = new DataView(payload.buffer, payload.byteOffset, 4);
  const columns = view.getUint16(0);
  const rows = view.getUint16(2);
  return columns > 0 && rows > 0 ? { columns, rows } : undefined;
}

/** Bytes that are no frame. */
export class TerminalFrameError extends Error {
  override readonly name = 'TerminalFrameError';
}

/** Cuts a stream of chunks into frames; a chunk may end anywhere. What it holds back is at most one frame. */
export class TerminalFrameReader {
  #parts: Uint8Array[] = [];
  #bytes = 0;

  /** The frames that are complete now, in order. @throws TerminalFrameError for a length over the limit */
  push(chunk: Uint8Array): TerminalFrame[] {
    this.#parts.push(chunk);
    this.#bytes += chunk.length;
    const frames: TerminalFrame[] = [];
    while (this.#bytes >= TERMINAL_HEADER_BYTES) {
      const length = this.#payloadLength();
      if (this.#bytes < TERMINAL_HEADER_BYTES + length) break;
      const whole = this.#join();
      const end = TERMINAL_HEADER_BYTES + length;
      frames.push({ kind: whole[0] ?? 0, payload: whole.subarray(TERMINAL_HEADER_BYTES, end) });
      this.#parts = whole.length > end ? [whole.subarray(end)] : [];
      this.#bytes = whole.length - end;
    }
    return frames;
  }

  /** Bytes of a frame that is not complete yet. */
  get pending(): number {
    return this.#bytes;
  }

  /** Joined only when a header or a whole frame is there: joining for every chunk would copy a large frame over and over. */
  #payloadLength(): number {
    if ((this.#parts[0]?.length ?? 0) < TERMINAL_HEADER_BYTES) this.#join();
    const first = this.#parts[0] ?? new Uint8Array();
    const length = new DataView(first.buffer, first.byteOffset, first.length).getUint32(1);
    if (length > TERMINAL_PAYLOAD_BYTES_MAX) throw new TerminalFrameError(`A terminal frame of ${length} bytes is too large`);
    return length;
  }

  #join(): Uint8Array {
    const [only] = this.#parts;
    if (only && this.#parts.length === 1) return only;
    const whole = new Uint8Array(this.#bytes);
    let at = 0;
    for (const part of this.#parts) {
      whole.set(part, at);
      at += part.length;
    }
    this.#parts = [whole];
    return whole;
  }
}
