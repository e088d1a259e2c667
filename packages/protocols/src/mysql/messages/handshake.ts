import { PeerFault } from '@hoop/core/errors';
import { encodePacket } from '../frame.ts';
import { CAPABILITY } from './capabilities.ts';
import { Fields, int16, int32, lenencBytes, zeroEnded } from './fields.ts';
import { EOF, MORE_DATA } from './result.ts';

/** The server's first packet. (MySQL Internals, "HandshakeV10") */
export interface Greeting {
  readonly version: string;
  readonly threadId: number;
  /** 20 bytes. */
  readonly salt: Buffer;
  readonly capabilities: number;
  readonly charset: number;
  readonly status: number;
  /** How the server would like the login to be. */
  readonly plugin: string;
}

export const SALT_BYTES = 20;
const SALT_HEAD_BYTES = 8;
const PROTOCOL_VERSION = 10;

export function encodeGreeting(greeting: Greeting): Buffer {
  const { version, threadId, salt, capabilities, charset, status, plugin } = greeting;
  return encodePacket(
    0,
    Buffer.from([PROTOCOL_VERSION]),
    zeroEnded(version),
    int32(threadId),
    salt.subarray(0, SALT_HEAD_BYTES),
    Buffer.alloc(1),
    int16(capabilities & 0xffff),
    Buffer.from([charset]),
    int16(status),
    int16(capabilities >>> 16),
    Buffer.from([SALT_BYTES + 1]),
    Buffer.alloc(10),
    salt.subarray(SALT_HEAD_BYTES),
    Buffer.alloc(1),
    zeroEnded(plugin),
  );
}

/** @throws PeerFault `bad_message`, `unsupported` */
export function decodeGreeting(payload: Buffer): Greeting {
  const fields = new Fields(payload);
  const protocol = fields.int(1);
  if (protocol !== PROTOCOL_VERSION) throw new PeerFault('unsupported', `The target speaks version ${protocol} of the handshake, not 10`);
  const version = fields.zeroEnded();
  const threadId = fields.int(4);
  const head = fields.bytes(SALT_HEAD_BYTES);
  fields.int(1);
  const low = fields.int(2);
  const charset = fields.int(1);
  const status = fields.int(2);
  const capabilities = (low | (fields.int(2) << 16)) >>> 0;
  const saltBytes = fields.int(1);
  fields.bytes(10);
  const tail = fields.bytes(Math.max(13, saltBytes - SALT_HEAD_BYTES)).subarray(0, SALT_BYTES - SALT_HEAD_BYTES);
  const plugin = capabilities & CAPABILITY.pluginAuth ? fields.zeroOrEnd() : 'mysql_native_password';
  return { version, threadId, salt: Buffer.concat([head, tail]), capabilities, charset, status, plugin };
}

/** What a client answers. (MySQL Internals, "HandshakeResponse41") */
export interface Response {
  readonly capabilities: number;
  readonly packet_bytes_max: number;
  readonly charset: number;
  readonly user: string;
  readonly proof: Buffer;
  readonly database: string | undefined;
  readonly plugin: string;
  /** As the client wrote them; undefined where there are none. */
  readonly attributes: Buffer | undefined;
}

const RESPONSE_HEAD_BYTES = 32;

/** The client asks for TLS with the first bytes of what will be its response. */
export function isTlsRequest(payload: Buffer): boolean {
  return payload.length === RESPONSE_HEAD_BYTES && (payload.readUInt32LE(0) & CAPABILITY.tls) !== 0;
}

/** Everything that a response says before it names anybody; with the TLS bit alone it is the request for TLS. */
export function encodeResponseHead({ capabilities, packet_bytes_max, charset }: Omit<Response, 'user'>): Buffer {
  return Buffer.concat([int32(capabilities >>> 0), int32(packet_bytes_max), Buffer.from([charset]), Buffer.alloc(23)]);
}

export function encodeResponse(sequence: number, response: Response): Buffer {
  const { capabilities, user, proof, database, plugin, attributes } = response;
  return encodePacket(
    sequence,
    encodeResponseHead(response),
    zeroEnded(user),
    capabilities & CAPABILITY.lenencAuth ? lenencBytes(proof) : Buffer.concat([Buffer.from([proof.length]), proof]),
    database === undefined ? Buffer.alloc(0) : zeroEnded(database),
    capabilities & CAPABILITY.pluginAuth ? zeroEnded(plugin) : Buffer.alloc(0),
    attributes === undefined ? Buffer.alloc(0) : lenencBytes(attributes),
  );
}

/** @throws PeerFault `bad_message`, `unsupported` */
export function decodeResponse(payload: Buffer): Response {
  if (payload.length < 2 || (payload.readUInt16LE(0) & CAPABILITY.protocol41) === 0) {
    throw new PeerFault('unsupported', 'A login before protocol 4.1 is not spoken here; use a client of MySQL 5.5, MariaDB 5.5 or newer');
  }
  const fields = new Fields(payload);
  const capabilities = fields.int(4);
  const packet_bytes_max = fields.int(4);
  const charset = fields.int(1);
  fields.bytes(23);
  const user = fields.zeroEnded();
  const proof = capabilities & CAPABILITY.lenencAuth ? fields.lenencBytes() : proofOf(capabilities, fields);
  const database = capabilities & CAPABILITY.connectWithDatabase && fields.left > 0 ? fields.zeroOrEnd() : '';
  const plugin = capabilities & CAPABILITY.pluginAuth && fields.left > 0 ? fields.zeroOrEnd() : 'mysql_native_password';
  const attributes = capabilities & CAPABILITY.attributes && fields.left > 0 ? Buffer.from(fields.lenencBytes()) : undefined;
  return { capabilities, packet_bytes_max, charset, user, proof, database: database || undefined, plugin, attributes };
}

function proofOf(capabilities: number, fields: Fields): Buffer {
  return capabilities & CAPABILITY.secureConnection ? fields.bytes(fields.int(1)) : Buffer.from(fields.zeroEnded());
}

/** "Log in in this way instead." (MySQL Internals, "AuthSwitchRequest") */
export function encodeSwitch(sequence: number, plugin: string, salt: Buffer): Buffer {
  return encodePacket(sequence, Buffer.from([EOF]), zeroEnded(plugin), salt, Buffer.alloc(1));
}

/** @throws PeerFault `bad_message` */
export function decodeSwitch(payload: Buffer): { readonly plugin: string; readonly salt: Buffer } {
  const fields = new Fields(payload, 1);
  const plugin = fields.zeroEnded();
  return { plugin, salt: Buffer.from(fields.rest().subarray(0, plugin === ED25519 ? NONCE_BYTES : SALT_BYTES)) };
}

/** The login method that every client of today has. */
export const CACHING_SHA2 = 'caching_sha2_password';

/** MariaDB's own method, and what its server sends to be signed. */
export const ED25519 = 'client_ed25519';
export const NONCE_BYTES = 32;

/** What a login method says beyond yes and no. (MySQL Internals, "AuthMoreData") */
export function encodeMoreData(sequence: number, data: Buffer): Buffer {
  return encodePacket(sequence, Buffer.from([MORE_DATA]), data);
}

/** Of caching_sha2_password: the server knows the password already, or needs to see it. */
export const FAST_AUTH_OK = 0x03;
export const FULL_AUTH_NEEDED = 0x04;

/** A client asks for the server's public key: one byte in caching_sha2_password, another one in sha256_password. */
export const KEY_REQUEST_CACHING = 0x02;
export const KEY_REQUEST_SHA256 = 0x01;
