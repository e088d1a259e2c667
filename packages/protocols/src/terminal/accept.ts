import { TERMINAL_FRAMES, TERMINAL_HEADER_BYTES, TerminalFrameError, TerminalFrameReader } from '@hoop/contract/terminal';
import { asAppError, PeerFault, Refusal } from '@hoop/core/errors';
import type { Accepted, Door } from '@hoop/core/protocol';
import type { Wire } from '@hoop/core/wire';
import { startFromPayload, startToOptions } from './start.ts';
import { noticeFrame, refusalWords } from './words.ts';

/**
 * Takes a client whose identity is proven already, and reads what it wants to start.
 * What goes wrong is told to the client in frames before it is thrown.
 * @throws Refusal `unauthenticated`, PeerFault `bad_message`
 */
export async function accept<Grant>(wire: Wire, door: Door<Grant>): Promise<Accepted<Grant> | undefined> {
  try {
    if (door.proven === undefined) throw new Refusal('unauthenticated', 'A command is reached with hoop connect and hoop exec only');
    const start = startFromPayload(await firstPayload(wire));
    return { wire, grant: door.proven, hello: { user: '', options: startToOptions(start) }, refuse: refusalWords, notice: noticeFrame };
  } catch (thrown) {
    const error = asAppError(thrown);
    void wire.write(refusalWords(error));
    wire.end();
    throw error;
  }
}

/** The payload of the first frame; what comes behind it goes back to the wire. */
async function firstPayload(wire: Wire): Promise<Uint8Array> {
  const reader = new TerminalFrameReader();
  while (true) {
    const chunk = await wire.read();
    if (!chunk) throw new PeerFault('client_lost', 'The client left before it said what to start');
    const held = reader.pending;
    const [first, ...more] = read(reader, chunk);
    if (!first) continue;
    if (first.kind !== TERMINAL_FRAMES.start) throw new PeerFault('bad_message', 'The client does not begin with what to start');
    const behind = chunk.subarray(TERMINAL_HEADER_BYTES + first.payload.length - held);
    if (more.length > 0 || behind.length > 0) wire.unread(behind);
    return first.payload;
  }
}

function read(reader: TerminalFrameReader, chunk: Buffer): ReturnType<TerminalFrameReader['push']> {
  try {
    return reader.push(chunk);
  } catch (error) {
    if (error instanceof TerminalFrameError) throw new PeerFault('bad_length', error.message, { cause: error });
    throw error;
  }
}
