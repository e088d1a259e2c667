import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject, randomFillSync } from 'node:crypto';
import { PACKET_BYTES_MAX } from './limits.ts';

const LENGTH_BYTES = 4;
const BLOCK_BYTES = 16;
const TAG_BYTES = 16;
const PADDING_BYTES_MIN = 4;

/** Where the payload stands in a packet: behind its length and the length of its padding. */
const PAYLOAD_AT = LENGTH_BYTES + 1;

/** A packet up to this size leaves in one piece; of a larger one the pieces are not copied together. */
const ONE_PIECE_BYTES_MAX = 1024;

/** What is kept of random bytes for the padding of packets to come: enough for some hundreds. */
const RANDOM_BYTES = 4 * 1024;

export type GcmName = 'aes-128-gcm' | 'aes-256-gcm';

/** What a key exchange gives for one direction. */
export interface GcmKeys {
  readonly name: GcmName;
  readonly key: Buffer;
  /** Four bytes that stay, and a counter of eight. It is kept, and counted on. */
  readonly nonce: Buffer;
  /** The number of the direction's next packet. */
  readonly seqno: number;
}

/** Packets are put together here: sealing one is over before the next begins. */
const scratch = Buffer.allocUnsafeSlow(PACKET_BYTES_MAX + BLOCK_BYTES * 2);

/**
 * Seals packets with AES-GCM (RFC 5647, section 7), in place of the library's own class, which allocates and copies more than
 * encrypting costs. All cryptography is OpenSSL's. The names are those that the library calls.
 */
export class GcmCipher {
  outSeqno: number;
  readonly #name: GcmName;
  readonly #key: KeyObject;
  readonly #nonce: Buffer;
  readonly #write: (piece: Buffer) => void;
  #isFreed = false;

  constructor({ name, key, nonce, seqno }: GcmKeys, write: (piece: Buffer) => void) {
    this.outSeqno = seqno;
    this.#name = name;
    // A key that is given as bytes is looked at anew for each packet, which takes longer than the packet.
    this.#key = createSecretKey(key);
    this.#nonce = nonce;
    this.#write = write;
  }

  free(): void {
    this.#isFreed = true;
  }

  /** A packet with room for so many bytes of payload behind its fifth. */
  allocPacket(payloadBytes: number): Buffer {
    return layOut(Buffer.allocUnsafe(packetBytes(payloadBytes)), payloadBytes);
  }

  /** Sends a packet of `allocPacket`. */
  encrypt(packet: Buffer): void {
    if (this.#isFreed) return;
    const cipher = createCipheriv(this.#name, this.#key, this.#nonce);
    // A copy, since the packet's own bytes may be used again before this has left.
    const length = Buffer.from(packet.subarray(0, LENGTH_BYTES));
    cipher.setAAD(length);
    const sealed = cipher.update(packet.subarray(LENGTH_BYTES));
    cipher.final();
    const tag = cipher.getAuthTag();
    if (packet.length <= ONE_PIECE_BYTES_MAX) this.#write(Buffer.concat([length, sealed, tag]));
    else for (const piece of [length, sealed, tag]) this.#write(piece);
    countOn(this.#nonce);
    this.outSeqno = (this.outSeqno + 1) >>> 0;
  }

  /** Sends a payload as one packet. @throws RangeError when it is longer than a packet may be */
  seal(payload: Buffer): void {
    const packet = layOut(scratch.subarray(0, packetBytes(payload.length)), payload.length);
    packet.set(payload, PAYLOAD_AT);
    this.encrypt(packet);
  }
}

function packetBytes(payloadBytes: number): number {
  const unpadded = 1 + payloadBytes;
  const padding = BLOCK_BYTES - (unpadded % BLOCK_BYTES);
  return LENGTH_BYTES + unpadded + padding + (padding < PADDING_BYTES_MIN ? BLOCK_BYTES : 0);
}

function layOut(packet: Buffer, payloadBytes: number): Buffer {
  const padding = packet.length - PAYLOAD_AT - payloadBytes;
  packet.writeUInt32BE(packet.length - LENGTH_BYTES, 0);
  packet[LENGTH_BYTES] = padding;
  fillRandomly(packet, packet.length - padding, padding);
  return packet;
}

/** Asking OpenSSL for a few bytes costs as much as for many. Each byte is used once. */
const random = Buffer.allocUnsafeSlow(RANDOM_BYTES);
let randomAt = RANDOM_BYTES;

function fillRandomly(packet: Buffer, at: number, bytes: number): void {
  if (randomAt + bytes > RANDOM_BYTES) {
    randomFillSync(random);
    randomAt = 0;
  }
  random.copy(packet, at, randomAt, randomAt + bytes);
  randomAt += bytes;
}

/** The counter goes round after 2^64 packets, which nobody sends. (RFC 5647, section 7.1) */
function countOn(nonce: Buffer): void {
  for (let at = nonce.length - 1; at >= 4; at--) {
    const next = ((nonce[at] ?? 0) + 1) & 0xff;
    nonce[at] = next;
    if (next !== 0) return;
  }
}

/**
 * Opens packets of AES-GCM, in place of the library's own class. What is told of a packet has been proven authentic. A packet that came in
 * one piece is opened where it stands.
 */
export class GcmDecipher {
  inSeqno: number;
  readonly #name: GcmName;
  readonly #key: KeyObject;
  readonly #nonce: Buffer;
  /** By this name, and not only ours: while keys are renewed the library puts another one there. */
  _onPayload: (payload: Buffer) => unknown;
  /** The beginning of a packet whose rest has not come yet. */
  #held: Buffer = Buffer.alloc(LENGTH_BYTES);
  #heldBytes = 0;

  constructor({ name, key, nonce, seqno }: GcmKeys, onPayload: (payload: Buffer) => unknown) {
    this.inSeqno = seqno;
    this.#name = name;
    this.#key = createSecretKey(key);
    this.#nonce = nonce;
    this._onPayload = onPayload;
  }

  free(): void {
    // What is held goes with the object.
  }

  /**
   * Takes `data` from `start` to `end`. Returns where it stopped when keys have changed and somebody else goes on, else undefined.
   * @throws Error in the library's words on a length that cannot be, and on what was changed on its way
   */
  decrypt(data: Buffer, start: number, end: number): unknown {
    let at = start;
    while (at < end) {
      const whole = this.#heldBytes === 0 && end - at >= LENGTH_BYTES ? wholeBytes(data, at) : 0;
      let stop: unknown;
      if (whole > 0 && whole <= end - at) {
        stop = this.#open(data.subarray(at, at + whole));
        at += whole;
      } else {
        at = this.#hold(data, at, end);
        if (this.#heldBytes < LENGTH_BYTES || this.#heldBytes < wholeBytes(this.#held, 0)) continue;
        const packet = this.#held.subarray(0, this.#heldBytes);
        this.#heldBytes = 0;
        stop = this.#open(packet);
      }
      if (stop !== undefined) return stop === false ? at : stop;
    }
    return undefined;
  }

  /** Keeps up to the end of the length, or of the packet. Returns how far `data` was taken. */
  #hold(data: Buffer, at: number, end: number): number {
    const wanted = this.#heldBytes < LENGTH_BYTES ? LENGTH_BYTES : wholeBytes(this.#held, 0);
    if (this.#held.length < wanted) {
      const larger = Buffer.allocUnsafeSlow(wanted);
      larger.set(this.#held.subarray(0, this.#heldBytes));
      this.#held = larger;
    }
    const taken = Math.min(end - at, wanted - this.#heldBytes);
    this.#held.set(data.subarray(at, at + taken), this.#heldBytes);
    this.#heldBytes += taken;
    return at + taken;
  }

  #open(packet: Buffer): unknown {
    const decipher = createDecipheriv(this.#name, this.#key, this.#nonce);
    const tagAt = packet.length - TAG_BYTES;
    decipher.setAAD(packet.subarray(0, LENGTH_BYTES));
    decipher.setAuthTag(packet.subarray(tagAt));
    const plain = decipher.update(packet.subarray(LENGTH_BYTES, tagAt));
    decipher.final();
    const padding = plain[0] ?? 0;
    if (padding < PADDING_BYTES_MIN || padding >= plain.length) throw new Error('Bad padding length');
    countOn(this.#nonce);
    this.inSeqno = (this.inSeqno + 1) >>> 0;
    return this._onPayload(plain.subarray(1, plain.length - padding));
  }
}

/** How long the packet is with its length and its tag. @throws Error */
function wholeBytes(bytes: Buffer, at: number): number {
  const length = bytes.readUInt32BE(at);
  if (length + LENGTH_BYTES + TAG_BYTES > PACKET_BYTES_MAX || length < BLOCK_BYTES || length % BLOCK_BYTES !== 0)
    throw new Error('Bad packet length');
  return LENGTH_BYTES + length + TAG_BYTES;
}
