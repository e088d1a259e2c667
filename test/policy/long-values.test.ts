import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { TERMINAL_FRAMES, TerminalFrameReader } from '@hoop/contract/terminal';
import { ALLOW } from '@hoop/core/action';
import { Gate, type Mask } from '@hoop/core/gate';
import { compileMasks } from '@hoop/policy/masks';
import { BodyMask } from '@hoop/protocols/http/text-mask';
import { MaskStream } from '@hoop/protocols/shared/mask-stream';
import { Output } from '@hoop/protocols/terminal/output';
import { dice } from './dice.ts';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const roll = dice(1_421);

function code(length: number): string {
  return Array.from({ length }, () => ALPHABET[Math.floor(roll() * ALPHABET.length)]).join('');
}

function pem(lines: number, newline: string): string {
  const body = Array.from({ length: lines }, () => code(64)).join(newline);
  return `-----BEGIN RSA PRIVATE KEY-----${newline}${body}${newline}-----END RSA PRIVATE KEY-----`;
}

const BEFORE = 'here it is: ';
const AFTER = '\nand that was it, said Marvin\n';

/** A value of some kilobytes, and how much stands before and behind the part that nobody may see a byte of. */
interface Value {
  readonly value: string;
  readonly from: number;
  readonly behind: number;
}

const LABEL = '-----END RSA PRIVATE KEY-----'.length;
const VALUES: Readonly<Record<string, Value>> = {
  'a private key': { value: pem(63, '\n'), from: 32, behind: LABEL },
  'a private key in JSON': { value: pem(63, '\\n'), from: 33, behind: LABEL },
  'a private key with the ends of lines of a terminal': { value: pem(62, '\r\n'), from: 33, behind: LABEL },
  'a token for a web service': { value: `eyJ${code(240)}.eyJ${code(2_400)}.${code(340)}`, from: 0, behind: 0 },
  'a token that is longer than what is remembered': { value: `eyJ${code(240)}.eyJ${code(12_000)}.${code(340)}`, from: 0, behind: 0 },
};

const MASK = compileMasks([{ name: 'secrets', entities: ['PRIVATE_KEY', 'JWT'] }]);

type Way = (pieces: readonly Buffer[], mask: Mask) => Buffer;

const WAYS: Readonly<Record<string, Way>> = {
  'a stream that is masked': (pieces, mask) => {
    const stream = new MaskStream();
    return Buffer.concat([...pieces.map((piece) => stream.push(piece, mask, {})), stream.flush(mask, {})]);
  },
  'a body of HTTP': (pieces, mask) => {
    const body = new BodyMask(mask);
    const parts = [...pieces.map((piece) => body.push(piece)), body.end()];
    return Buffer.concat(parts.map((part) => (part instanceof Promise ? Buffer.from('not a promise') : part)));
  },
  'a terminal': (pieces, mask) => {
    const reader = new TerminalFrameReader();
    const shown: Buffer[] = [];
    const hear = (bytes: Buffer): void => {
      for (const { payload } of reader.push(bytes)) shown.push(Buffer.from(payload));
    };
    const gate = new Gate({ revision: 1, mask, judge: () => ALLOW }, { intent: () => undefined, settled: () => undefined });
    const output = new Output({ gate, bytesMax: 1 << 20, toClient: hear, rules: () => undefined });
    for (const piece of pieces) void output.write(TERMINAL_FRAMES.stdout, piece);
    hear(Buffer.concat(output.end()));
    return Buffer.concat(shown);
  },
};

/** What is wrong with what was shown; undefined when nothing is. */
function fault(shown: Buffer, { value, from, behind }: Value): string | undefined {
  const text = shown.toString('latin1');
  if (text.length !== BEFORE.length + value.length + AFTER.length) return `it has ${text.length} bytes`;
  if (!text.startsWith(BEFORE)) return 'what stands before it is gone';
  if (!text.endsWith(AFTER)) return 'what stands behind it is gone';
  const hidden = text.slice(BEFORE.length + from, text.length - AFTER.length - behind);
  return /^[#\r\n]*$/.test(hidden) ? undefined : `it shows ${/[^#\r\n]+/.exec(hidden)?.[0]}`;
}

for (const [way, show] of Object.entries(WAYS)) {
  describe(`through ${way}`, () => {
    for (const [name, each] of Object.entries(VALUES)) {
      const whole = Buffer.from(BEFORE + each.value + AFTER, 'latin1');
      test(`${name} is hidden, wherever it is cut in two`, () => {
        // Of the longest it is enough to cut at some places.
        const step = whole.length > 5_000 ? 97 : 1;
        for (let cut = 1; cut < whole.length; cut += step) {
          const why = fault(show([whole.subarray(0, cut), whole.subarray(cut)], MASK), each);
          assert.equal(why, undefined, `cut at ${cut}`);
        }
      });
      test(`${name} is hidden in pieces of any size`, () => {
        for (const size of [1, 7, 64, 65, 500, 1_000, 4_096]) {
          const pieces = Array.from({ length: Math.ceil(whole.length / size) }, (_, at) => whole.subarray(at * size, (at + 1) * size));
          assert.equal(fault(show(pieces, MASK), each), undefined, `pieces of ${size}`);
        }
      });
    }

    test('a private key without an end hides what follows so far, and no farther', () => {
      const lines = Array.from({ length: 1_000 }, () => `${code(64)}\n`);
      const pieces = [`-----BEGIN PRIVATE KEY-----\n${lines[0]}`, ...lines.slice(1), 'the end'].map((line) => Buffer.from(line));
      const shown = show(pieces, MASK).toString('latin1');
      assert.ok(shown.endsWith('the end'));
      const hidden = shown.split('').filter((sign) => sign === '#').length;
      assert.ok(hidden > 12_000 && hidden < 17_000, `${hidden} bytes are hidden`);
    });

    test('nothing goes on behind what a mask does not hide', () => {
      const cards = compileMasks([{ name: 'cards', entities: ['CREDIT_CARD'] }]);
      const text = `${pem(20, '\n')} 4111 1111 1111 1111 ${code(6_000)}`;
      const pieces = Array.from({ length: Math.ceil(text.length / 50) }, (_, at) => Buffer.from(text.slice(at * 50, at * 50 + 50)));
      assert.equal(show(pieces, cards).toString('latin1'), text.replace('4111 1111 1111 1111', '#'.repeat(19)));
    });

    test('a mask that changes lengths hides all of it, too', () => {
      const tokens = compileMasks([{ name: 'tokens', entities: ['PRIVATE_KEY'], strategy: 'token' }]);
      const { value, from } = VALUES['a private key'] ?? { value: '', from: 0, behind: 0 };
      for (let cut = 1; cut < value.length; cut += 53) {
        const pieces = [value.slice(0, cut), value.slice(cut), AFTER].map((piece) => Buffer.from(piece));
        const shown = show(pieces, tokens).toString('latin1');
        for (let at = from; at + 64 < value.length - 40; at += 65)
          assert.equal(shown.includes(value.slice(at, at + 20)), false, `cut at ${cut}`);
        assert.ok(shown.endsWith(AFTER));
      }
    });
  });
}
