import { FrameRun } from '../../shared/frames.ts';
import { decodeMessage, type Message } from '../message.ts';

/** Takes the bytes of a link apart, and keeps its messages there. */
export function collecting(into: Message[]): FrameRun {
  return new FrameRun(
    1 << 20,
    (bytes) => {
      const message = decodeMessage(bytes);
      into.push({ ...message, payload: Buffer.from(message.payload) });
      return 'drop';
    },
    () => undefined,
  );
}
