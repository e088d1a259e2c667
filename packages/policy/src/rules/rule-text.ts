export const RULE_TYPES = [
  'deny_words_list',
  'pattern_match',
  'operation',
  'table',
  'function',
  'command',
  'request',
  'row_limit',
] as const;
export type RuleType = (typeof RULE_TYPES)[number];

export const RULE_ACTIONS = ['block', 'require_approval', 'warn', 'log'] as const;
export type RuleAction = (typeof RULE_ACTIONS)[number];

/** When a rule holds: from the one time of day up to the other, on days that begin with it; or whenever it is not that time. */
export interface TimeWindow {
  readonly days?: readonly ('mon' | 'tue' | 'wed' | 'thu' | 'fri' | 'sat' | 'sun')[] | undefined;
  /** `08:30`, in the time zone. After `to` when the window goes past midnight. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly time_zone?: string | undefined;
  readonly outside?: boolean | undefined;
}

/** A rule as people write it; the same shape in the API and in the tunnel. */
export interface RuleText {
  readonly type: RuleType;
  readonly words: readonly string[];
  readonly pattern_regex: string;
  readonly message: string;
  /** Of type `operation`: what a statement may not do. */
  readonly operations?: readonly string[] | undefined;
  /** Of type `table`: patterns such as `hr.salaries`, `*.secrets`. */
  readonly tables?: readonly string[] | undefined;
  /** Of type `table`: what is not allowed with them; absent: both. */
  readonly access?: 'read' | 'write' | undefined;
  /** Of type `function`: patterns such as `pg_read_file`, `dblink*`. */
  readonly functions?: readonly string[] | undefined;
  /** Of type `command`: a program with arguments that it has to have, such as `rm -rf`, `kubectl delete`; `> /etc/*` for what is written to. */
  readonly commands?: readonly string[] | undefined;
  /** Of type `request`: methods, all when absent. */
  readonly methods?: readonly string[] | undefined;
  /** Of type `request`: patterns of paths, in which `*` stays in its part and `**` does not. */
  readonly paths?: readonly string[] | undefined;
  /** Of type `row_limit`: an answer has at most this many rows. */
  readonly rows_max?: number | undefined;
  /** What happens; absent: `block`. */
  readonly action?: RuleAction | undefined;
  /** For whom the rule holds; absent: everybody. */
  readonly groups?: { readonly only?: readonly string[] | undefined; readonly except?: readonly string[] | undefined } | undefined;
  /** When the rule holds; absent: always. */
  readonly time_window?: TimeWindow | undefined;
}
