import type { RuleText } from '../rules/rule-text.ts';

/** What a pack is for: statements of a database, or command lines. */
export type PackFit = 'postgres' | 'mysql' | 'mssql' | 'command';

/** Rules that belong together, kept by us: what they hold is the same for everybody who has this version. */
export interface Pack {
  /** Stable; what API and command line call it. */
  readonly id: string;
  readonly name: string;
  /** Grows with every change of a rule. */
  readonly version: number;
  readonly description: string;
  readonly fits: PackFit;
  readonly rules: readonly RuleText[];
}

type Parts = Partial<RuleText> & Pick<RuleText, 'type' | 'message'>;

/** A rule with nothing in the fields that it does not use. */
export function rule(parts: Parts): RuleText {
  return { words: [], pattern_regex: '', ...parts };
}
