import { execFileSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';

/** Ours, among those who derive an id from a machine's; it never changes. */
const APPLICATION = Buffer.from('6f1c9be0a0a74a1fb6d2a4f6b0a52a61', 'hex');

const ID_FILES = ['/etc/machine-id', '/var/lib/dbus/machine-id'];
const ID_BYTES_MAX = 256;
const IOREG_MS_MAX = 1_000;
const IOREG_BYTES_MAX = 256 * 1024;

/**
 * An id of this machine that stays, as a UUID; empty where the machine has none. The machine's own id is a secret of sorts (machine-id(5)), so
 * it is hashed with ours, as sd_id128_get_machine_app_specific(3) does.
 */
export function machineId(platform: NodeJS.Platform = process.platform, files: readonly string[] = ID_FILES): string {
  const own = platform === 'darwin' ? idOfMac() : files.map(idInFile).find((id) => id !== undefined);
  if (own === undefined) return '';
  const id = createHmac('sha256', own).update(APPLICATION).digest().subarray(0, 16);
  // Version 4, variant 1, as RFC 9562 wants them to look.
  id.writeUInt8((id.readUInt8(6) & 0x0f) | 0x40, 6);
  id.writeUInt8((id.readUInt8(8) & 0x3f) | 0x80, 8);
  return id.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

/** 32 hexadecimal digits. An image that was not started yet says `uninitialized`. */
function idInFile(path: string): Buffer | undefined {
  try {
    const file = openSync(path, 'r');
    try {
      const bytes = Buffer.alloc(ID_BYTES_MAX);
      const text = bytes.toString('latin1', 0, readSync(file, bytes)).trim();
      return /^[0-9a-f]{32}$/i.test(text) ? Buffer.from(text, 'hex') : undefined;
    } finally {
      closeSync(file);
    }
  } catch {
    return undefined;
  }
}

function idOfMac(): Buffer | undefined {
  try {
    const said = execFileSync('/usr/sbin/ioreg', ['-rd1', '-c', 'IOPlatformExpertDevice'], {
      encoding: 'utf8',
      timeout: IOREG_MS_MAX,
      maxBuffer: IOREG_BYTES_MAX,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const [, id] = /"IOPlatformUUID" = "([0-9A-F-]{36})"/.exec(said) ?? [];
    return id === undefined ? undefined : Buffer.from(id.replaceAll('-', ''), 'hex');
  } catch {
    return undefined;
  }
}
