import { escaped } from '../escaped.ts';
import type { Fields } from '../messages.ts';
import { SFTP } from './packet.ts';

const FLAGS: readonly (readonly [number, string])[] = [
  [0x01, 'read'],
  [0x02, 'write'],
  [0x04, 'append'],
  [0x08, 'create'],
  [0x10, 'truncate'],
  [0x20, 'exclusive'],
];

const HAS_SIZE = 0x01;
const HAS_OWNER = 0x02;
const HAS_MODE = 0x04;
const HAS_TIMES = 0x08;

/** Extended requests that only look. Any other is judged. */
const HARMLESS = new Set([
  'statvfs@openssh.com',
  'fstatvfs@openssh.com',
  'fsync@openssh.com',
  'limits@openssh.com',
  'expand-path@openssh.com',
  'home-directory',
  'users-groups-by-id@openssh.com',
]);

/** What a request does, in one line for rules and people; undefined where it only looks. `pathOf` knows the paths of open handles. */
export function requestText(type: number, fields: Fields, pathOf: (handle: Buffer) => string): string | undefined {
  switch (type) {
    case SFTP.open: {
      const path = pathText(fields);
      const flags = fields.u32();
      return `open ${path} (${FLAGS.flatMap(([bit, name]) => ((flags & bit) === 0 ? [] : [name])).join(', ')})`;
    }
    case SFTP.opendir:
      return `list ${pathText(fields)}`;
    case SFTP.remove:
      return `remove ${pathText(fields)}`;
    case SFTP.rmdir:
      return `rmdir ${pathText(fields)}`;
    case SFTP.mkdir:
      return `mkdir ${pathText(fields)}`;
    case SFTP.rename:
      return `rename ${pathText(fields)} -> ${pathText(fields)}`;
    case SFTP.symlink:
      // OpenSSH has the two paths in the other order than the draft, and everybody does as it does.
      return `symlink to ${pathText(fields)} as ${pathText(fields)}`;
    case SFTP.setstat:
      return `setstat ${pathText(fields)}${attributes(fields)}`;
    case SFTP.fsetstat:
      return `setstat ${pathOf(fields.bytes())}${attributes(fields)}`;
    case SFTP.extended:
      return extendedText(fields, pathOf);
    default:
      return undefined;
  }
}

function extendedText(fields: Fields, pathOf: (handle: Buffer) => string): string | undefined {
  const name = fields.text();
  if (HARMLESS.has(name)) return undefined;
  switch (name) {
    case 'posix-rename@openssh.com':
      return `rename ${pathText(fields)} -> ${pathText(fields)}`;
    case 'hardlink@openssh.com':
      return `hardlink ${pathText(fields)} as ${pathText(fields)}`;
    case 'lsetstat@openssh.com':
      return `setstat ${pathText(fields)}${attributes(fields)}`;
    case 'copy-data': {
      const from = pathOf(fields.bytes());
      fields.u64();
      fields.u64();
      return `copy ${from} -> ${pathOf(fields.bytes())}`;
    }
    default:
      return `extended ${escaped(name)}`;
  }
}

function attributes(fields: Fields): string {
  const flags = fields.u32();
  const parts: string[] = [];
  if (flags & HAS_SIZE) parts.push(`size=${fields.u64()}`);
  if (flags & HAS_OWNER) parts.push(`owner=${fields.u32()}:${fields.u32()}`);
  if (flags & HAS_MODE) parts.push(`mode=${(fields.u32() & 0o7777).toString(8).padStart(4, '0')}`);
  if (flags & HAS_TIMES) parts.push(`times=${fields.u32()},${fields.u32()}`);
  return parts.length === 0 ? '' : ` ${parts.join(' ')}`;
}

function pathText(fields: Fields): string {
  return escaped(fields.text());
}
