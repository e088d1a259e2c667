import type { UnconfirmedEvent } from '@hoop/tunnel/link';

/**
 * How long an event is kept after it was sent. The gateway has it on its disk within milliseconds of taking it; but that the gateway's
 * machine went away is only noticed when it does not answer a ping, which takes up to twelve seconds.
 */
const KEEP_MS = 20_000;

/** Events are copied into blocks: an object for each would cost the collector more than the event costs the session. */
const BLOCK_BYTES = 4 * 1024 * 1024;

/** The oldest block goes first when there are more. A gateway that is gone brings no new events that could push out the last ones. */
const BLOCKS_MAX = 8;

interface Block {
  readonly bytes: Buffer;
  end: number;
  /** When its newest event was sent. */
  newest_ms: number;
}

/** In a block: u32 bytes of the event, u32 bytes of the session's id, both. */
const ENTRY_HEADER_BYTES = 8;

/** The audit events that were sent lately: a second place where they are until the gateway must have them on its disk. */
export class EventJournal {
  #blocks: Block[] = [];
  #spare: Buffer | undefined;
  #lostAt_ms: number | undefined;

  /** An event that is too large for a block is on its way alone: its sender waits for the link's credit anyway. */
  add(session: string, event: Buffer): void {
    const bytes = ENTRY_HEADER_BYTES + session.length + event.length;
    if (bytes > BLOCK_BYTES) return;
    const now_ms = Date.now();
    let block = this.#blocks.at(-1);
    if (!block || block.end + bytes > BLOCK_BYTES) {
      this.#drop(now_ms);
      block = { bytes: this.#spare ?? Buffer.allocUnsafeSlow(BLOCK_BYTES), end: 0, newest_ms: now_ms };
      this.#spare = undefined;
      this.#blocks.push(block);
    }
    block.newest_ms = now_ms;
    const at = block.end;
    block.bytes.writeUInt32LE(event.length, at);
    block.bytes.writeUInt32LE(session.length, at + 4);
    block.bytes.write(session, at + ENTRY_HEADER_BYTES, 'latin1');
    block.bytes.set(event, at + ENTRY_HEADER_BYTES + session.length);
    block.end = at + bytes;
  }

  linkLost(): void {
    this.#lostAt_ms ??= Date.now();
  }

  /** What may not have reached the gateway's disk before the link was lost. Nothing after a start, or when it was taken already. */
  take(): readonly UnconfirmedEvent[] {
    if (this.#lostAt_ms === undefined) return [];
    const since_ms = this.#lostAt_ms - KEEP_MS;
    const events = this.#blocks.filter((block) => block.newest_ms >= since_ms).flatMap(eventsOf);
    this.#blocks = [];
    this.#lostAt_ms = undefined;
    return events;
  }

  /** Makes room for one block more. */
  #drop(now_ms: number): void {
    if (this.#lostAt_ms !== undefined) return;
    for (let oldest = this.#blocks[0]; oldest; oldest = this.#blocks[0]) {
      if (oldest.newest_ms >= now_ms - KEEP_MS && this.#blocks.length < BLOCKS_MAX) return;
      this.#blocks.shift();
      this.#spare = oldest.bytes;
    }
  }
}

function eventsOf(block: Block): UnconfirmedEvent[] {
  const events: UnconfirmedEvent[] = [];
  for (let at = 0; at < block.end; ) {
    const eventBytes = block.bytes.readUInt32LE(at);
    const sessionEnd = at + ENTRY_HEADER_BYTES + block.bytes.readUInt32LE(at + 4);
    const end = sessionEnd + eventBytes;
    events.push({
      session: block.bytes.toString('latin1', at + ENTRY_HEADER_BYTES, sessionEnd),
      event: Buffer.from(block.bytes.subarray(sessionEnd, end)),
    });
    at = end;
  }
  return events;
}
