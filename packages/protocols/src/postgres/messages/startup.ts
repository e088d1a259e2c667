import { PeerFault } from '@hoop/core/errors';
import { cstring, encodeMessage, int32 } from '../frame.ts';
import { Fields, malformed } from './fields.ts';

/** Request codes in place of a protocol version. (PostgreSQL 17, section 54.7: CancelRequest, SSLRequest, GSSENCRequest) */
export const CANCEL_REQUEST = 80877102;
export const SSL_REQUEST = 80877103;
export const GSSENC_REQUEST = 80877104;

/** StartupMessage: Int32 length, Int32 version, then name and value pairs, then a zero byte. */
export interface Startup {
  readonly major: number;
  readonly minor: number;
  readonly parameters: ReadonlyMap<string, string>;
}

/** Decodes what follows the length and the version. @throws PeerFault `bad_message` */
export function decodeStartup(version: number, body: Buffer): Startup {
  const fields = new Fields(body);
  const parameters = new Map<string, string>();
  while (fields.left > 1) {
    const name = fields.cstring();
    if (name === '') throw malformed('an empty parameter name');
    parameters.set(name, fields.cstring());
  }
  if (fields.left !== 1 || fields.byte() !== 0) throw malformed('no end of its parameters');
  return { major: version >>> 16, minor: version & 0xffff, parameters };
}

export function encodeStartup(major: number, minor: number, parameters: Iterable<readonly [string, string]>): Buffer {
  const parts = [int32((major << 16) | minor)];
  for (const [name, value] of parameters) {
    // A zero byte inside would end the value early and let the rest be read as another parameter.
    if (name.includes('\0') || value.includes('\0'))
      throw new PeerFault('bad_message', `The start-up parameter ${JSON.stringify(name)} holds a zero byte`);
    parts.push(cstring(name), cstring(value));
  }
  parts.push(Buffer.alloc(1));
  const body = Buffer.concat(parts);
  return Buffer.concat([int32(body.length + 4), body]);
}

/** CancelRequest: Int32 length, Int32 code, Int32 process id, then the secret: 4 bytes in 3.0, up to 256 in 3.2. */
export function encodeCancelRequest(key: Buffer): Buffer {
  return Buffer.concat([int32(8 + key.length), int32(CANCEL_REQUEST), key]);
}

export function encodeSslRequest(): Buffer {
  return Buffer.concat([int32(8), int32(SSL_REQUEST)]);
}

/** NegotiateProtocolVersion: Int32 newest minor version, Int32 count, names of options that are not known. */
export function encodeNegotiateVersion(minor: number, unknownOptions: readonly string[]): Buffer {
  return encodeMessage('v', int32((3 << 16) | minor), int32(unknownOptions.length), ...unknownOptions);
}
