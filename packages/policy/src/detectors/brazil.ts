import { digit, isUniform, weighted } from './checks.ts';
import { type CodeEntity, digits } from './detector.ts';

/** A check digit modulo 11: 0 where the rest would give 10 or more. */
function elevenths(sum: number): number {
  const rest = sum % 11;
  return rest < 2 ? 0 : 11 - rest;
}

const BR_CPF: CodeEntity = {
  entity: 'BR_CPF',
  shapes: digits(11),
  layouts: ['3-3-3-2'],
  context: ['cpf', 'cadastro', 'pessoa'],
  score: (code) => {
    if (isUniform(code, 11)) return 0;
    if (elevenths(weighted(code, [10, 9, 8, 7, 6, 5, 4, 3, 2])) !== digit(code, 9)) return 0;
    return elevenths(weighted(code, [11, 10, 9, 8, 7, 6, 5, 4, 3, 2])) === digit(code, 10) ? 1 : 0;
  },
};

/** The one of digits only; the newer one, which may have letters, is not looked for. */
const BR_CNPJ: CodeEntity = {
  entity: 'BR_CNPJ',
  shapes: digits(14),
  layouts: ['2-3-3-4-2'],
  context: ['cnpj', 'empresa'],
  score: (code) => {
    if (isUniform(code, 14)) return 0;
    if (elevenths(weighted(code, [5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2])) !== digit(code, 12)) return 0;
    return elevenths(weighted(code, [6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2])) === digit(code, 13) ? 1 : 0;
  },
};

/** As São Paulo issues it; other states have rules of their own. */
const BR_RG: CodeEntity = {
  entity: 'BR_RG',
  shapes: ['999999999', '99999999A'],
  layouts: ['2-3-3-1'],
  context: ['rg', 'identidade', 'registro', 'geral'],
  score: (code, _, layout) => {
    const sum = weighted(code, [2, 3, 4, 5, 6, 7, 8, 9]);
    const check = code[8] === 0x58 ? 10 : digit(code, 8);
    if (check > 10 || isUniform(code, 9) || (sum + check * 100) % 11 !== 0) return 0;
    return layout === 'listed' ? 0.85 : 0.4;
  },
};

const BR_CNH: CodeEntity = {
  entity: 'BR_CNH',
  shapes: digits(11),
  layouts: [],
  isNeverRegular: true,
  context: ['cnh', 'habilitacao', 'carteira', 'motorista'],
  score: (code) => {
    if (isUniform(code, 11)) return 0;
    const first = weighted(code, [9, 8, 7, 6, 5, 4, 3, 2, 1]) % 11;
    const off = first >= 10 ? 2 : 0;
    if ((first >= 10 ? 0 : first) !== digit(code, 9)) return 0;
    const second = weighted(code, [1, 2, 3, 4, 5, 6, 7, 8, 9]) % 11;
    const check = second >= 10 ? 0 : second - off < 0 ? second - off + 11 : second - off;
    return (check >= 10 ? 0 : check) === digit(code, 10) ? 0.85 : 0;
  },
};

const BR_PIS: CodeEntity = {
  entity: 'BR_PIS',
  shapes: digits(11),
  layouts: ['3-5-2-1'],
  context: ['pis', 'pasep', 'nis', 'nit'],
  score: (code) => {
    if (isUniform(code, 11)) return 0;
    return elevenths(weighted(code, [3, 2, 9, 8, 7, 6, 5, 4, 3, 2])) === digit(code, 10) ? 0.7 : 0;
  },
};

export const BRAZIL: readonly CodeEntity[] = [BR_CPF, BR_CNPJ, BR_RG, BR_CNH, BR_PIS];
