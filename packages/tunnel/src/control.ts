import { FRAME_KINDS } from '@hoop/contract/tunnel';
import { PeerFault } from '@hoop/core/errors';
import type { ZodType } from 'zod';
import type { FrameStream } from './stream.ts';

/** Sends one JSON message on a control stream. */
export function sendControl(stream: FrameStream, message: object): void {
  void stream.send(FRAME_KINDS.control, Buffer.from(JSON.stringify(message)));
}

/** A JSON payload of the tunnel as what its schema says. @throws PeerFault `bad_message` */
export function parseMessage<T>(schema: ZodType<T>, payload: Buffer): T {
  let value: unknown;
  try {
    value = JSON.parse(payload.toString('utf8'));
  } catch (cause) {
    throw new PeerFault('bad_message', 'The tunnel peer sent a message that is not JSON', { cause });
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw new PeerFault('bad_message', 'The tunnel peer sent a message of another shape', { cause: parsed.error });
  return parsed.data;
}
