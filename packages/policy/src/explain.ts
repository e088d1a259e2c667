import type { Dialect } from '@hoop/core/protocol';
import { compilePolicy, type PolicyContext, type PolicyText } from './rules.ts';
import { analyseShell, type ShellCommand } from './shell/analyse.ts';
import { analyse } from './sql/analyse.ts';
import type { Statement } from './sql/facts.ts';

/** What would happen to a text, and why. Nothing is run. */
export interface Explanation {
  readonly verdict: 'allow' | 'block' | 'require_approval' | 'warn' | 'log';
  /** The guardrail that said so; absent when none had anything to say. */
  readonly rule?: string;
  readonly message?: string;
  /** Of SQL: what each statement does. */
  readonly statements: readonly Statement[];
  /** Of a command line: what it runs. */
  readonly commands: readonly ShellCommand[];
  /** Why it cannot be said for sure what the text does. */
  readonly unclassified?: string;
}

export interface Explained extends PolicyContext {
  readonly text: string;
  /** How the gate would meet the text: `query`, `exec`, `request` … */
  readonly via: string;
  /** Of the statements; undefined where they are not SQL. */
  readonly dialect?: Dialect | undefined;
}

/**
 * What these rules say of a text, with the facts that they go by.
 * @throws Refusal `invalid_rule`
 */
export async function explain(policy: PolicyText, { text, via, dialect, ...context }: Explained): Promise<Explanation> {
  const verdict = await compilePolicy(policy, dialect, context).judge({ seq: 1, text, via });
  const facts = await factsOf(text, via, dialect);
  if (verdict.allow === 'hold') return { verdict: 'require_approval', ...verdict.hold, ...facts };
  if (!verdict.allow) return { verdict: 'block', ...verdict.denial, ...facts };
  if (!verdict.matched) return { verdict: 'allow', ...facts };
  return { verdict: verdict.notice === undefined ? 'log' : 'warn', ...verdict.matched, ...facts };
}

type FactsOf = Pick<Explanation, 'statements' | 'commands' | 'unclassified'>;

async function factsOf(text: string, via: string, dialect: Dialect | undefined): Promise<FactsOf> {
  if (dialect !== undefined) return { commands: [], ...(await analyse(dialect, text)) };
  return via === 'request' ? { statements: [], commands: [] } : { statements: [], ...analyseShell(text) };
}
