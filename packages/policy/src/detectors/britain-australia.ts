import { beginsWith, digit, isUniform, weighted } from './checks.ts';
import { type CodeEntity, digits } from './detector.ts';

const UK_NHS: CodeEntity = {
  entity: 'UK_NHS',
  shapes: digits(10),
  layouts: ['3-3-4'],
  context: ['nhs', 'national', 'health', 'service', 'hospital', 'patient'],
  score: (code, _, layout) => {
    if (isUniform(code, 10) || weighted(code, [10, 9, 8, 7, 6, 5, 4, 3, 2, 1]) % 11 !== 0) return 0;
    return layout === 'listed' ? 1 : 0.6;
  },
};

const NINO_NEVER = new Set(['BG', 'GB', 'KN', 'NK', 'NT', 'TN', 'ZZ']);
/** Letters that begin a number, and those that may be the second one. */
const NINO_FIRST = [...'ABCEGHJKLMNOPRSTWXYZ'];
const NINO_SECOND = [...'ABCEGHJKLMNPRSTWXYZ'];
const isGivenNino = beginsWith(
  NINO_FIRST.flatMap((first) => NINO_SECOND.map((second) => first + second)).filter((prefix) => !NINO_NEVER.has(prefix)),
);
const LAST_NINO = 0x44;

const UK_NINO: CodeEntity = {
  entity: 'UK_NINO',
  shapes: ['AA999999A'],
  layouts: ['2-2-2-2-1', '2-6-1', '2-6', '4-4-1', '8-1', '2-7'],
  context: ['national', 'insurance', 'ni', 'nino'],
  score: (code) => {
    const last = code[8] ?? 0;
    return isGivenNino(code) && last >= 0x41 && last <= LAST_NINO ? 0.7 : 0;
  },
};

const AU_ABN: CodeEntity = {
  entity: 'AU_ABN',
  shapes: digits(11),
  layouts: ['2-3-3-3'],
  context: ['abn', 'australian', 'business'],
  score: (code) => (digit(code, 0) > 0 && (weighted(code, [10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19]) - 10) % 89 === 0 ? 1 : 0),
};

const AU_ACN: CodeEntity = {
  entity: 'AU_ACN',
  shapes: digits(9),
  layouts: ['3-3-3'],
  context: ['acn', 'australian', 'company'],
  score: (code, _, layout) => {
    if (isUniform(code, 9) || (10 - (weighted(code, [8, 7, 6, 5, 4, 3, 2, 1]) % 10)) % 10 !== digit(code, 8)) return 0;
    return layout === 'plain' ? 0.45 : 0.85;
  },
};

const AU_TFN: CodeEntity = {
  entity: 'AU_TFN',
  shapes: digits(8, 9),
  layouts: ['3-3-3', '2-3-3'],
  context: ['tfn', 'tax', 'file'],
  score: (code, length, layout) => {
    const weights = length === 9 ? [1, 4, 3, 7, 5, 8, 6, 9, 10] : [10, 7, 8, 4, 6, 3, 5, 1];
    if (isUniform(code, length) || weighted(code, weights) % 11 !== 0) return 0;
    return length === 8 ? 0.05 : layout === 'plain' ? 0.45 : 0.85;
  },
};

const AU_MEDICARE: CodeEntity = {
  entity: 'AU_MEDICARE',
  shapes: digits(10, 11),
  layouts: ['4-5-1', '4-5-1-1', '10-1'],
  context: ['medicare'],
  score: (code, _, layout) => {
    if (digit(code, 0) < 2 || digit(code, 0) > 6 || weighted(code, [1, 3, 7, 9, 1, 3, 7, 9]) % 10 !== digit(code, 8)) return 0;
    return layout === 'listed' ? 1 : 0.5;
  },
};

export const BRITAIN_AUSTRALIA: readonly CodeEntity[] = [UK_NHS, UK_NINO, AU_ABN, AU_ACN, AU_TFN, AU_MEDICARE];
