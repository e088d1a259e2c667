import { TERMINAL_FRAMES, TerminalFrameReader } from '@hoop/contract/terminal';
import type { TranscriptPiece, TranscriptReader } from '@hoop/core/protocol';

const STREAMS: Readonly<Record<number, TranscriptPiece['stream']>> = {
  [TERMINAL_FRAMES.stdout]: 'stdout',
  [TERMINAL_FRAMES.stderr]: 'stderr',
  [TERMINAL_FRAMES.notice]: 'notice',
};

/** Reads what went to a client as what a person saw. After bytes that are no frames the rest is shown as it is. */
export class TerminalTranscript implements TranscriptReader {
  readonly #reader = new TerminalFrameReader();
  #lost = false;

  push(chunk: Buffer): readonly TranscriptPiece[] {
    if (this.#lost) return [{ stream: 'stdout', bytes: chunk }];
    try {
      return this.#reader.push(chunk).flatMap(({ kind, payload }) => {
        const stream = STREAMS[kind];
        return stream && payload.length > 0 ? [{ stream, bytes: Buffer.from(payload) }] : [];
      });
    } catch {
      this.#lost = true;
      return [{ stream: 'stdout', bytes: chunk }];
    }
  }
}
