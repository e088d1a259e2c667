import { createHash } from 'node:crypto';

/** RFC 9562, section 6.6: the namespace of URLs. */
const URL_NAMESPACE = '6ba7b811-9dad-11d1-80b4-00c04fd430c8';

/** The one tenant. Every row carries it, so that a second one needs no new column. */
export const ORG_ID = uuidV5('org/default');

/** A name-based UUID (version 5) in the namespace of URLs: the same name gives the same id, everywhere and always. */
export function uuidV5(name: string): string {
  const namespace = Buffer.from(URL_NAMESPACE.replaceAll('-', ''), 'hex');
  const bytes = createHash('sha1').update(namespace).update(name, 'utf8').digest().subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x50, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Whether a text can be an id of ours. Names are tried after ids, so that no name can stand in for somebody else's id. */
export function isUuid(text: string): boolean {
  return UUID.test(text);
}
