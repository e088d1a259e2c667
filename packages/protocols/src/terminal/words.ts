import {
  type ExitMessage,
  encodeTerminalFrame,
  encodeTerminalMessage,
  TERMINAL_CHUNK_BYTES,
  TERMINAL_FRAMES,
  type TerminalFrameKind,
} from '@hoop/contract/terminal';
import type { AppError } from '@hoop/core/errors';

/** Exit code of what policy or permission refused. */
export const REFUSED = 254;

/** As shells have them; and EX_UNAVAILABLE of sysexits.h where nobody was there to run it, which is worth another try. */
const EXIT_CODES: Readonly<Record<string, number>> = {
  command_not_found: 127,
  command_not_executable: 126,
  agent_offline: 69,
  agent_lost: 69,
  agent_left: 69,
  agent_timeout: 69,
};

export function frame(kind: TerminalFrameKind, payload: Uint8Array): Buffer {
  const bytes = encodeTerminalFrame(kind, payload);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Bytes as frames of one kind, each within the limit. */
export function framesOf(kind: TerminalFrameKind, bytes: Uint8Array): Buffer[] {
  const frames: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += TERMINAL_CHUNK_BYTES) frames.push(frame(kind, bytes.subarray(at, at + TERMINAL_CHUNK_BYTES)));
  return frames;
}

/** Words of ours, as one line. */
export function noticeFrame(text: string): Buffer {
  return frame(TERMINAL_FRAMES.notice, Buffer.from(text.replace(/\s*\n\s*/g, ' ')));
}

export function exitFrame(message: ExitMessage): Buffer {
  return Buffer.from(encodeTerminalMessage(TERMINAL_FRAMES.exit, message));
}

export function exitCodeOf(error: AppError): number {
  return error.kind === 'refusal' ? REFUSED : (EXIT_CODES[error.code] ?? 1);
}

/** An error as the last thing that a client hears: what it was, and the exit code that stands for it. */
export function refusalWords(error: AppError): Buffer {
  return Buffer.concat([noticeFrame(error.message), exitFrame({ code: exitCodeOf(error) })]);
}
