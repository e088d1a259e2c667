import { PeerFault } from '@hoop/core/errors';
import type { Wire } from '@hoop/core/wire';

/**
 * A packet is a length of three bytes, a sequence number that begins anew with each command, and a payload. A payload of 16 MiB - 1
 * or more goes over several packets, the last of which is shorter.
 * (MySQL Internals, "MySQL Packets")
 */
export const HEADER_BYTES = 4;
export const PAYLOAD_BYTES_MAX = 0xffffff;

export interface Packet {
  readonly sequence: number;
  readonly payload: Buffer;
}

/** A payload as packets; one, unless it is very long. */
export function encodePacket(sequence: number, ...parts: readonly Buffer[]): Buffer {
  const payload = Buffer.concat(parts);
  const packets: Buffer[] = [];
  for (let at = 0, number = sequence; at <= payload.length; at += PAYLOAD_BYTES_MAX, number++) {
    const piece = payload.subarray(at, at + PAYLOAD_BYTES_MAX);
    const header = Buffer.allocUnsafe(HEADER_BYTES);
    header.writeUIntLE(piece.length, 0, 3);
    header[3] = number & 0xff;
    packets.push(header, piece);
  }
  return Buffer.concat(packets);
}

/** The payload length in the header at `at`. */
export function payloadLength(chunk: Buffer, at: number): number {
  return (chunk[at] ?? 0) | ((chunk[at + 1] ?? 0) << 8) | ((chunk[at + 2] ?? 0) << 16);
}

/** The packet that begins at `at`, with its header. */
export function packetAt(chunk: Buffer, at: number): Buffer {
  return chunk.subarray(at, at + HEADER_BYTES + payloadLength(chunk, at));
}

/** The whole payload of packets that stand one behind the other in `bytes`. */
export function joinPayload(bytes: Buffer): Buffer {
  const first = payloadLength(bytes, 0);
  if (first < PAYLOAD_BYTES_MAX) return bytes.subarray(HEADER_BYTES, HEADER_BYTES + first);
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = payloadLength(bytes, at);
    parts.push(bytes.subarray(at + HEADER_BYTES, at + HEADER_BYTES + length));
    at += HEADER_BYTES + length;
  }
  return Buffer.concat(parts);
}

/**
 * Bytes of a payload over all of its packets, with their headers; where a header is still to come, up to the end of that.
 * What is over `bytes_max` is not measured further.
 */
export function wholePayload(chunk: Buffer, at: number, bytes_max: number): number {
  for (let end = at; ; ) {
    if (chunk.length < end + HEADER_BYTES) return end + HEADER_BYTES - at;
    const length = payloadLength(chunk, end);
    end += HEADER_BYTES + length;
    if (length < PAYLOAD_BYTES_MAX || end - at > bytes_max) return end - at;
  }
}

/** Over how many packets a payload goes. */
export function packetsOf(payload_bytes: number): number {
  return Math.floor(payload_bytes / PAYLOAD_BYTES_MAX) + 1;
}

export function badLength(length: number): PeerFault {
  return new PeerFault('bad_length', `A packet claims a length of ${length} bytes, which cannot be`, { facts: { length } });
}

/** Reads whole packets from a wire, for logins and scripts, where there is time. */
export class PacketReader {
  readonly #wire: Wire;
  #buffer: Buffer = Buffer.alloc(0);

  constructor(wire: Wire) {
    this.#wire = wire;
  }

  /** The next payload, however many packets it takes. @throws PeerFault `bad_length`, `closed_early` */
  async packet(payload_bytes_max: number): Promise<Packet> {
    const parts: Buffer[] = [];
    let bytes = 0;
    while (true) {
      const header = await this.#bytes(HEADER_BYTES);
      const length = payloadLength(header, 0);
      const sequence = header[3] ?? 0;
      bytes += length;
      if (bytes > payload_bytes_max) throw badLength(bytes);
      parts.push(await this.#bytes(length));
      if (length < PAYLOAD_BYTES_MAX) return { sequence, payload: Buffer.concat(parts) };
    }
  }

  /** Bytes that have been read and not been asked for. */
  get pending(): number {
    return this.#buffer.length;
  }

  /** Gives unasked bytes back to the wire, for whoever reads it next. */
  giveBack(): void {
    this.#wire.unread(this.#buffer);
    this.#buffer = Buffer.alloc(0);
  }

  async #bytes(length: number): Promise<Buffer> {
    if (this.#buffer.length < length) await this.#fill(length);
    const taken = this.#buffer.subarray(0, length);
    this.#buffer = this.#buffer.subarray(length);
    return taken;
  }

  /** Reads on until there is enough, and joins once: a join for each chunk would be quadratic in the length of a packet. */
  async #fill(length: number): Promise<void> {
    const parts = [this.#buffer];
    let bytes = this.#buffer.length;
    while (bytes < length) {
      const chunk = await this.#wire.read();
      if (!chunk) throw new PeerFault('closed_early', 'The connection closed in the middle of a packet');
      parts.push(chunk);
      bytes += chunk.length;
    }
    this.#buffer = Buffer.concat(parts, bytes);
  }
}
