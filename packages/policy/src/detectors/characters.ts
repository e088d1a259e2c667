/** Characters that nobody sees: joiners, marks of direction, soft hyphens, variation selectors. */
export const DROPPED: ReadonlySet<number> = new Set([
  0xad,
  0x34f,
  0x61c,
  0x180e,
  ...range(0x200b, 0x200f),
  ...range(0x202a, 0x202e),
  ...range(0x2060, 0x206f),
  ...range(0xfe00, 0xfe0f),
  0xfeff,
]);

/** Where the ten digits of other scripts begin: Arabic, Persian, N'Ko, and the scripts of India and its neighbours. */
export const DIGIT_ZEROS: readonly number[] = [
  ...[0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xde6, 0xe50, 0xed0, 0xf20],
  ...[0x1040, 0x17e0, 0x1810],
];

const SPACES = [0xa0, 0x1680, ...range(0x2000, 0x200a), 0x202f, 0x205f, 0x3000];
const DASHES = [...range(0x2010, 0x2015), 0x2043, 0x2212, 0x2e3a, 0xfe58, 0xfe63, 0x30fc];
const QUOTES = [0xab, 0xbb, ...range(0x2018, 0x201f), 0x2026, 0x2039, 0x203a, 0x300c, 0x300d, 0xbf, 0xa1];
const DOTS = [0x2024, 0x3002, 0xff61, 0xb7, 0x2022, 0x2219, 0x22c5];

/** Letters of Cyrillic and Greek that look like Latin ones, in pairs. */
const LETTERS =
  'АA ВB ЕE КK МM НH ОO РP СC ТT УY ХX аa еe оo рp сc уy хx ІI іi ЈJ јj ЅS ѕs Ԁd Ԛq Ԝw ' +
  'ΑA ΒB ΕE ΖZ ΗH ΙI ΚK ΜM ΝN ΟO ΡP ΤT ΥY ΧX οo ıi ſs ﹫@ ﹒.';

/** Superscript and subscript digits, circled ones. */
const DIGITS: readonly (readonly [number, number])[] = [
  [0xb2, 0x32],
  [0xb3, 0x33],
  [0xb9, 0x31],
  [0x2070, 0x30],
  ...range(4, 9).map((digit): [number, number] => [0x2070 + digit, 0x30 + digit]),
  ...range(0, 9).map((digit): [number, number] => [0x2080 + digit, 0x30 + digit]),
  ...range(1, 9).map((digit): [number, number] => [0x245f + digit, 0x30 + digit]),
  [0x24ea, 0x30],
];

/** The ASCII character that each of these is read as. */
export const LOOK_ALIKES: ReadonlyMap<number, number> = new Map([
  ...SPACES.map((point): [number, number] => [point, 0x20]),
  ...DASHES.map((point): [number, number] => [point, 0x2d]),
  ...QUOTES.map((point): [number, number] => [point, 0x22]),
  ...DOTS.map((point): [number, number] => [point, 0x2e]),
  ...LETTERS.split(' ').map((pair): [number, number] => [pair.codePointAt(0) ?? 0, pair.charCodeAt(pair.length - 1)]),
  ...DIGITS,
  [0x2044, 0x2f],
  [0x2236, 0x3a],
]);

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}
