import { isUtf8 } from 'node:buffer';

/** Of one run; what is longer is hidden behind its first part, or not at all. */
const DECODED_BYTES_MAX = 64 * 1024;
const HEX_DIGITS_MIN = 18;

/** What a run of letters and digits says when it is hexadecimal or Base64; undefined when neither gives a text. */
export function decodedText(bytes: Buffer, from: number, to: number): Buffer | undefined {
  const run = bytes.subarray(from, Math.min(to, from + DECODED_BYTES_MAX * 2));
  if (run.length >= HEX_DIGITS_MIN && run.length % 2 === 0 && isHex(run)) {
    const text = Buffer.from(run.toString('latin1', 0, run.length), 'hex');
    if (isText(text)) return text;
  }
  // Four characters are three bytes; a few of them show whether it is a text.
  if (!isText(Buffer.from(run.toString('latin1', 0, 16), 'base64'))) return undefined;
  const text = Buffer.from(run.toString('latin1', 0, run.length), 'base64');
  return isText(text) ? text : undefined;
}

function isHex(run: Buffer): boolean {
  for (let at = 0; at < run.length; at++) {
    const byte = run[at] ?? 0;
    if (!((byte >= 0x30 && byte <= 0x39) || ((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x66))) return false;
  }
  return true;
}

const SAMPLE_BYTES = 256;

/** Characters that people read; a few others may be among them. */
function isText(bytes: Buffer): boolean {
  const length = Math.min(bytes.length, SAMPLE_BYTES);
  let odd = 0;
  let high = 0;
  for (let at = 0; at < length; at++) {
    const byte = bytes[at] ?? 0;
    if (byte >= 0x80) high++;
    else if ((byte < 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) || byte === 0x7f) odd++;
  }
  return length > 0 && odd * 10 <= length && (high * 3 <= length || isUtf8(bytes));
}
