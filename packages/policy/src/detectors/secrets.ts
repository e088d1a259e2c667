import { contextOf, hasContext } from './context.ts';
import type { RunEntity, ScanEntity } from './detector.ts';
import { IN_RUN } from './runs.ts';
import { BITS } from './survey.ts';

/** A token that begins in a way that nothing else does. */
interface Prefix {
  readonly start: string;
  /** Letters, digits, and `_-` behind it. When both are the same, exactly so many; else a longer one is one too. */
  readonly least: number;
  readonly most: number;
}

function prefixed(entity: string, prefixes: readonly Prefix[]): RunEntity {
  const seconds = new Set(prefixes.map(({ start }) => start.charCodeAt(1)));
  const isSecond = Uint8Array.from({ length: 256 }, (_, byte) => (seconds.has(byte) ? 1 : 0));
  return {
    entity,
    firsts: [...new Set(prefixes.map(({ start }) => start[0]))].join(''),
    begins(bytes, at, to, found) {
      if (isSecond[bytes[at + 1] ?? 0] === 0) return at + 1;
      for (const { start, least, most } of prefixes) {
        if (!startsWith(bytes, at, start)) continue;
        const from = at + start.length;
        // Those of one length only are none when they are longer.
        const end = tokenEnd(bytes, from, most === least ? Math.min(to, from + most) : to);
        if (end - from < least || isWord(bytes[end] ?? 0)) continue;
        found(at, end, 0.95);
        return end;
      }
      return at + 1;
    },
  };
}

const LONG = 255;

const GITHUB_TOKEN = prefixed('GITHUB_TOKEN', [
  ...['ghp_', 'gho_', 'ghu_', 'ghs_', 'ghr_'].map((start) => ({ start, least: 36, most: LONG })),
  { start: 'github_pat_', least: 40, most: LONG },
]);
const GITLAB_TOKEN = prefixed('GITLAB_TOKEN', [
  ...['glpat-', 'gldt-', 'glrt-', 'glptt-', 'glcbt-'].map((start) => ({ start, least: 20, most: LONG })),
]);
const SLACK_TOKEN = prefixed('SLACK_TOKEN', [
  ...['xoxb-', 'xoxa-', 'xoxp-', 'xoxr-', 'xoxs-', 'xoxe-', 'xapp-'].map((start) => ({ start, least: 10, most: LONG })),
]);
const STRIPE_KEY = prefixed('STRIPE_KEY', [
  ...['sk_live_', 'sk_test_', 'rk_live_', 'rk_test_', 'whsec_'].map((start) => ({ start, least: 16, most: LONG })),
]);
const GOOGLE_API_KEY = prefixed('GOOGLE_API_KEY', [
  { start: 'AIza', least: 35, most: 35 },
  { start: 'GOCSPX-', least: 28, most: 28 },
]);
const API_TOKEN = prefixed('API_TOKEN', [
  { start: 'npm_', least: 36, most: 36 },
  { start: 'pypi-', least: 50, most: 1_024 },
  { start: 'dop_v1_', least: 64, most: 64 },
  { start: 'hf_', least: 30, most: 64 },
  { start: 'sk-', least: 32, most: LONG },
  { start: 'shpat_', least: 32, most: 32 },
  { start: 'hvs.', least: 20, most: LONG },
]);

const ACCESS_KEY_BYTES = 20;
/** All of them end with an A. */
const ACCESS_KEY_STARTS = ['AKIA', 'ASIA', 'ABIA', 'ACCA', 'AGPA', 'AIDA', 'AROA', 'ANPA'];

/** The key's id has 20 characters; the secret has 40, and nothing to know it by but the words before it. */
const AWS_ACCESS_KEY: RunEntity = {
  entity: 'AWS_ACCESS_KEY',
  firsts: 'A',
  begins(bytes, at, to, found) {
    if (bytes[at + 3] !== 0x41 || !ACCESS_KEY_STARTS.some((start) => startsWith(bytes, at, start))) return at + 1;
    let end = at;
    while (end < to && isUpperOrDigit(bytes[end] ?? 0)) end++;
    if (end - at === ACCESS_KEY_BYTES && !isWord(bytes[end] ?? 0)) found(at, end, 0.95);
    return end;
  },
  find(bytes, from, to, found) {
    const length = to - from - (bytes[to - 1] === 0x2e ? 1 : 0);
    if (length >= 40 && length <= 64) {
      // `aws_secret_access_key=` is a part of the run.
      let own = to - 2;
      while (own > from && bytes[own - 1] !== 0x3d) own--;
      if (length - (own - from) === 40 && isMixed(bytes, own, own + 40, 1) && hasContext(bytes, own, AWS_WORDS)) found(own, own + 40, 0.9);
    }
  },
};

const AWS_WORDS = contextOf(['aws', 'secret', 'secretaccesskey']);

const PAYLOAD_BYTES_MIN = 16;

/** RFC 7519: two parts that are JSON, and a signature that may be empty. */
const JWT: RunEntity = {
  entity: 'JWT',
  firsts: 'e',
  begins(bytes, at, to, found) {
    if (!startsWith(bytes, at, 'eyJ')) return at + 1;
    const header = tokenEnd(bytes, at, to);
    if (header - at < 10 || bytes[header] !== 0x2e || !startsWith(bytes, header + 1, 'eyJ')) return Math.max(at + 1, header - 2);
    const payload = tokenEnd(bytes, header + 1, to);
    // Of a stream the rest may not have come yet.
    if (bytes[payload] !== 0x2e && payload - header <= PAYLOAD_BYTES_MIN) return payload;
    const end = bytes[payload] === 0x2e ? tokenEnd(bytes, payload + 1, to) : payload;
    found(at, end, 0.95);
    return end;
  },
};

function tokenEnd(bytes: Buffer, from: number, to: number): number {
  let at = from;
  while (at < to && isToken(bytes[at] ?? 0)) at++;
  return at;
}

const PEM_BEGIN = '-----BEGIN ';
const PEM_BYTES_MAX = 12_288;

/** RFC 7468. What has a beginning and no end is hidden as far as it looks like one. */
export const PRIVATE_KEY: ScanEntity = {
  entity: 'PRIVATE_KEY',
  hints: { texts: [PEM_BEGIN] },
  bits: BITS.dashes,
  find(bytes, found) {
    let end = -1;
    for (let at = bytes.indexOf(PEM_BEGIN); at >= 0; at = bytes.indexOf(PEM_BEGIN, at + PEM_BEGIN.length)) {
      const label = bytes.toString('latin1', at, at + 64);
      if (!/^-----BEGIN [A-Z0-9 ]*PRIVATE KEY( BLOCK)?-----/.test(label)) continue;
      if (end < at) end = orLast(bytes, bytes.indexOf('-----END ', at));
      let to: number;
      if (end < bytes.length && end - at < PEM_BYTES_MAX) {
        const close = bytes.indexOf('-----', end + 9);
        to = close > 0 && close - end < 64 ? close + 5 : end;
      } else {
        to = at + PEM_BEGIN.length;
        while (to < bytes.length && to - at < PEM_BYTES_MAX && (IN_RUN[bytes[to] ?? 0] === 1 || isBlank(bytes[to] ?? 0))) to++;
      }
      found(at, to, 1);
      at = Math.max(at, to - PEM_BEGIN.length);
    }
  },
};

/** What is not there is not looked for again. */
function orLast(bytes: Buffer, at: number): number {
  return at < 0 ? bytes.length : at;
}

const SECRET_WORDS = contextOf(
  'secret token password passwd pwd apikey api key credential credentials auth authorization bearer access private passphrase'.split(' '),
);
const SECRET_BYTES_MAX = 512;
const ENTROPY_MIN = 3.4;

/** What looks random and stands behind a word such as `token`. */
const GENERIC_SECRET: RunEntity = {
  entity: 'GENERIC_SECRET',
  find(bytes, from, to, found) {
    const limit = Math.min(to - 2, from + 64);
    let equals = from;
    while (equals < limit && bytes[equals] !== 0x3d) equals++;
    const own = equals > from && equals < limit ? equals + 1 : from;
    const end = Math.min(to, own + SECRET_BYTES_MAX);
    if (end - own < 16 || !isMixed(bytes, own, end) || !hasContext(bytes, own, SECRET_WORDS)) return;
    if (entropyOf(bytes, own, end) >= ENTROPY_MIN) found(own, to, 0.6);
  },
};

/** Letters and digits both, and no path. */
function isMixed(bytes: Buffer, from: number, to: number, digitsMin = 2): boolean {
  let digits = 0;
  let letters = 0;
  for (let at = from; at < to; at++) {
    const byte = bytes[at] ?? 0;
    if (byte >= 0x30 && byte <= 0x39) digits++;
    else if (byte >= 0x41) letters++;
    if (digits >= digitsMin && letters >= 4) return true;
  }
  return false;
}

const SEEN = new Uint16Array(256);
/** A count times its logarithm: there may be a hundred thousand texts in a megabyte to be asked about. */
const WEIGHTS = Float64Array.from({ length: SECRET_BYTES_MAX + 1 }, (_, count) => (count === 0 ? 0 : count * Math.log2(count)));

/** Shannon's, in bits a character, of at most `SECRET_BYTES_MAX`. */
function entropyOf(bytes: Buffer, from: number, to: number): number {
  for (let at = from; at < to; at++) {
    const byte = bytes[at] ?? 0;
    SEEN[byte] = (SEEN[byte] ?? 0) + 1;
  }
  let sum = 0;
  for (let at = from; at < to; at++) {
    const byte = bytes[at] ?? 0;
    sum += WEIGHTS[SEEN[byte] ?? 0] ?? 0;
    SEEN[byte] = 0;
  }
  const length = to - from;
  return Math.log2(length) - sum / length;
}

function startsWith(bytes: Buffer, at: number, start: string): boolean {
  for (let index = 0; index < start.length; index++) if (bytes[at + index] !== start.charCodeAt(index)) return false;
  return true;
}

function isUpperOrDigit(byte: number): boolean {
  return (byte >= 0x30 && byte <= 0x39) || (byte >= 0x41 && byte <= 0x5a);
}

function isWord(byte: number): boolean {
  return isUpperOrDigit(byte) || (byte >= 0x61 && byte <= 0x7a);
}

function isToken(byte: number): boolean {
  return isWord(byte) || byte === 0x5f || byte === 0x2d;
}

function isBlank(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09 || byte === 0x3a || byte === 0x2c;
}

export const SECRETS: readonly RunEntity[] = [
  AWS_ACCESS_KEY,
  JWT,
  GITHUB_TOKEN,
  GITLAB_TOKEN,
  SLACK_TOKEN,
  STRIPE_KEY,
  GOOGLE_API_KEY,
  API_TOKEN,
  GENERIC_SECRET,
];
