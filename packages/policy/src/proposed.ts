import type { Action } from '@hoop/core/action';
import type { Dialect } from '@hoop/core/protocol';
import type { RuleText } from './rules/rule-text.ts';
import { type CompiledPolicy, compilePolicy } from './rules.ts';

export type ProposedVerdict = 'block' | 'require_approval' | 'warn' | 'log';

/** What one rule of a proposed guardrail would have done to an action. */
export interface ProposedFinding {
  /** Its place among the rules, from 0. */
  readonly rule: number;
  readonly verdict: ProposedVerdict;
  /** The words that the user would have been told. */
  readonly message: string;
  /** What it found, where it found something in the text. */
  readonly fragment?: string;
}

/** What of an action was recorded that rules can be asked about. */
export interface Recorded {
  readonly action: Action;
  readonly at_ms: number;
  /** How many rows its answer had, once that is known. */
  readonly rows?: number;
}

/**
 * A guardrail that is not in force, asked about what happened. It is the same policy that sessions meet, once as a whole and once rule by
 * rule, so that each rule's share can be told.
 */
export class ProposedRules {
  readonly #whole: CompiledPolicy;
  readonly #each: readonly CompiledPolicy[];
  #at_ms = 0;

  /** @throws Refusal `invalid_rule` */
  constructor(name: string, rules: readonly RuleText[], dialect: Dialect | undefined, groups: readonly string[] | undefined) {
    const compile = (input: readonly RuleText[]): CompiledPolicy =>
      compilePolicy({ revision: 0, guardrails: [{ name, input, output: [] }], masks: [] }, dialect, { groups, now: () => this.#at_ms });
    this.#whole = compile(rules);
    this.#each = rules.map((rule) => compile([rule]));
  }

  /** What the rules found, each at most once, in their order. Of a record with `rows` only what is about rows is told: its text had its turn. */
  async findings({ action, at_ms, rows }: Recorded): Promise<readonly ProposedFinding[]> {
    const first = await this.#verdict(this.#whole, action, at_ms);
    if (first.allow === true && first.matched === undefined && first.answer?.rows === undefined) return [];
    const found: ProposedFinding[] = [];
    for (const [rule, policy] of this.#each.entries()) {
      const finding = findingOf(await this.#verdict(policy, action, at_ms), rows);
      if (finding) found.push({ rule, ...finding });
    }
    return found;
  }

  /** The clock is set right before each question: rules read it before they first wait. */
  #verdict(policy: CompiledPolicy, action: Action, at_ms: number) {
    this.#at_ms = at_ms;
    return policy.judge(action);
  }
}

type Verdict = Awaited<ReturnType<CompiledPolicy['judge']>>;

function findingOf(verdict: Verdict, rows: number | undefined): Omit<ProposedFinding, 'rule'> | undefined {
  if (rows !== undefined) {
    const limit = verdict.allow === false ? undefined : verdict.answer?.rows;
    return limit && rows > limit.max ? { verdict: 'block', message: limit.denial.message } : undefined;
  }
  if (verdict.allow === false) return told('block', verdict.denial.message);
  if (verdict.allow === 'hold') return told('require_approval', verdict.hold.message);
  if (!verdict.matched) return undefined;
  return told(verdict.notice === undefined ? 'log' : 'warn', verdict.matched.message);
}

function told(verdict: ProposedVerdict, message: string): Omit<ProposedFinding, 'rule'> {
  const fragment = foundIn(message);
  return fragment === undefined ? { verdict, message } : { verdict, message, fragment };
}

/** What the words of a rule say that it found, which they have as a JSON string. */
function foundIn(message: string): string | undefined {
  const quoted = /, found ("(?:[^"\\]|\\.)*")/.exec(message)?.[1];
  return quoted === undefined ? undefined : String(JSON.parse(quoted));
}

const STRICTNESS: Readonly<Record<ProposedVerdict, number>> = { log: 1, warn: 2, require_approval: 3, block: 4 };

/** The finding that would have counted: the strictest, and the first one of those. */
export function strictestOf(findings: readonly ProposedFinding[]): ProposedFinding | undefined {
  let strictest: ProposedFinding | undefined;
  for (const finding of findings) if (!strictest || STRICTNESS[finding.verdict] > STRICTNESS[strictest.verdict]) strictest = finding;
  return strictest;
}
