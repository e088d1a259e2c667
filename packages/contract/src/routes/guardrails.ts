import { z } from 'zod';
import { route } from '../route.ts';
import { GuardrailRule, MASK_STRATEGIES, RULE_ACTIONS, RULE_TYPES, WEEKDAYS } from '../tunnel.ts';
import { emptyOnly, Id, readOnly, Time } from './common.ts';

export const RULE_WORDS_MAX = 1_000;

const Entries = z.array(z.string().trim().min(1).max(1_000)).min(1).max(RULE_WORDS_MAX);
const Groups = z.array(z.string().min(1).max(255)).max(1_000);
const TimeOfDay = z.string().regex(/^\d{2}:\d{2}$/, 'Write the time of day as 08:30');

export const Rule = z
  .strictObject({
    type: z.enum(RULE_TYPES),
    words: z.array(z.string().min(1).max(1_000)).max(RULE_WORDS_MAX).default([]),
    /** A pattern of RE2: no back-references, no look-around, linear time. */
    pattern_regex: z.string().max(4_000).default(''),
    /** Told to the user whose statement is denied. */
    message: z.string().max(1_000).default(''),
    /** What a statement may not do: `drop`, `delete_without_where`, `grants` … */
    operations: Entries.optional(),
    /** Patterns such as `hr.salaries` or `*.secrets`. */
    tables: Entries.optional(),
    /** Absent: neither read nor write. */
    access: z.enum(['read', 'write']).optional(),
    /** Patterns such as `pg_read_file` or `dblink*`. */
    functions: Entries.optional(),
    /** A program with what it must have, such as `rm -rf`; `> /etc/*` for files that are written to. */
    commands: Entries.optional(),
    /** All when absent. */
    methods: z
      .array(z.string().regex(/^[A-Za-z]+$/))
      .max(20)
      .optional(),
    /** In which `*` stays in its part and `**` does not. */
    paths: Entries.optional(),
    rows_max: z.number().int().min(1).optional(),
    /** Absent: `block`. */
    action: z.enum(RULE_ACTIONS).optional(),
    /** For whom the rule holds; absent: everybody. */
    groups: z.strictObject({ only: Groups.optional(), except: Groups.optional() }).optional(),
    /** When the rule holds; absent: always. Past midnight where `from` is later than `to`. */
    time_window: z
      .strictObject({
        days: z.array(z.enum(WEEKDAYS)).max(7).optional(),
        from: TimeOfDay.optional(),
        to: TimeOfDay.optional(),
        time_zone: z.string().min(1).max(64).optional(),
        outside: z.boolean().optional(),
      })
      .optional(),
  })
  .refine((rule) => rule.type !== 'deny_words_list' || rule.words.length > 0, { path: ['words'], message: 'Give at least one word' })
  .refine((rule) => rule.type !== 'pattern_match' || rule.pattern_regex !== '', { path: ['pattern_regex'], message: 'Give a pattern' })
  .superRefine((rule, context) => {
    const field = NEEDED[rule.type];
    if (field && rule[field] === undefined)
      context.addIssue({ code: 'custom', path: [field], message: `A rule of type ${rule.type} needs ${field}` });
  });

/** The field that a rule of this type cannot do without. */
export const NEEDED = {
  deny_words_list: 'words',
  pattern_match: 'pattern_regex',
  operation: 'operations',
  table: 'tables',
  function: 'functions',
  command: 'commands',
  request: 'paths',
  row_limit: 'rows_max',
} as const;

const Rules = z.strictObject({ rules: z.array(Rule).max(100).default([]) });

const RuleName = z
  .string()
  .min(1)
  .max(254)
  .regex(/^[^\p{Cc}/]+$/u, 'Leave out slashes and control characters');

export const Guardrail = z.object({
  id: z.string(),
  name: z.string(),
  description: z.string(),
  input: z.object({ rules: z.array(GuardrailRule) }),
  output: z.object({ rules: z.array(GuardrailRule) }),
  connection_ids: z.array(z.string()),
  attributes: z.array(z.string()),
  managed_by: z.string().nullable(),
  created_at: Time,
  updated_at: Time,
});
export type Guardrail = z.infer<typeof Guardrail>;

const Body = z.strictObject({
  name: RuleName,
  description: z.string().max(2_000).default(''),
  input: Rules.default({ rules: [] }),
  output: Rules.default({ rules: [] }),
  /** The rules of this pack, as they are now, in front of those of `input`. */
  pack: z.string().min(1).max(100).optional(),
  connection_ids: z.array(Id).max(10_000).default([]),
  attributes: emptyOnly('Attributes'),
  id: readOnly,
  managed_by: readOnly,
  created_at: readOnly,
  updated_at: readOnly,
});

/** By id or by name. */
const Params = z.object({ id: z.string().min(1).max(254) });

export const listGuardrails = route({
  method: 'GET',
  path: '/guardrails',
  summary: 'Lists guardrails',
  role: 'admin-or-auditor',
  reply: z.array(Guardrail),
});

export const createGuardrail = route({
  method: 'POST',
  path: '/guardrails',
  summary: 'Creates a guardrail; patterns are compiled, and a rule that a connection cannot keep is refused',
  role: 'admin',
  body: Body,
  reply: Guardrail,
  status: 201,
  audit: 'guardrail.create',
});

export const RulePack = z.object({
  id: z.string(),
  name: z.string(),
  version: z.number().int(),
  description: z.string(),
  /** What connections it is for: a dialect of SQL, or `command`. */
  fits: z.enum(['postgres', 'mysql', 'mssql', 'command']),
  rules: z.array(GuardrailRule),
});
export type RulePack = z.infer<typeof RulePack>;

export const listRulePacks = route({
  method: 'GET',
  path: '/guardrails/packs',
  summary: 'Lists the packs of rules that come with this release',
  role: 'admin-or-auditor',
  reply: z.array(RulePack),
});

const Explanation = z.object({
  verdict: z.enum(['allow', 'block', 'require_approval', 'warn', 'log']),
  rule: z.string().optional(),
  message: z.string().optional(),
  statements: z.array(
    z.object({
      operation: z.string(),
      effects: z.array(z.string()),
      tables: z.array(z.object({ name: z.string(), access: z.enum(['read', 'write']) })),
      functions: z.array(z.string()),
      columns: z.array(z.object({ name: z.string(), access: z.enum(['read', 'write']) })).optional(),
      text: z.string(),
    }),
  ),
  commands: z.array(
    z.object({ program: z.string(), args: z.array(z.string()), writes: z.array(z.string()), assigns: z.array(z.string()) }),
  ),
  unclassified: z.string().optional(),
  /** What would become of its answer; absent when nothing would. */
  answer: z
    .object({
      rows_max: z.number().optional(),
      /** Rules on output would look at it. */
      forbids: z.boolean().optional(),
      /** All columns would be hidden, because it is not understood. */
      hides_all: z.boolean().optional(),
      /** Of each result that it may have; of `*` those columns are hidden whose names say so. */
      results: z
        .array(
          z.object({
            columns: z.array(
              z.object({ name: z.string(), hidden: z.enum(['no', 'yes', 'by_name']), strategy: z.enum(MASK_STRATEGIES).optional() }),
            ),
          }),
        )
        .optional(),
    })
    .optional(),
});
export type Explanation = z.infer<typeof Explanation>;

export const testGuardrails = route({
  method: 'POST',
  path: '/guardrails/test',
  summary: 'Says what the rules of a connection, or the given ones, would do to a text, and why; nothing is run',
  role: 'admin-or-auditor',
  body: z.strictObject({
    text: z.string().min(1).max(1_048_576),
    /** By name or id: its rules, and how its protocol reads the text. */
    connection: z.string().min(1).max(254),
    /** Instead of the connection's own. */
    rules: z.array(Rule).max(100).optional(),
    /** A pack's, instead of the connection's own. */
    pack: z.string().min(1).max(100).optional(),
    /** Patterns of columns, instead of those of the connection's masking rules. */
    columns: z.array(z.string().min(1).max(254)).max(1_000).optional(),
    /** Of the user; absent: rules for some groups hold. */
    groups: Groups.optional(),
    /** When; absent: now. */
    at: z.iso.datetime({ offset: true }).optional(),
  }),
  reply: Explanation,
  audit: 'guardrail.test',
});

export const getGuardrail = route({
  method: 'GET',
  path: '/guardrails/:id',
  summary: 'Gets a guardrail',
  role: 'admin-or-auditor',
  params: Params,
  reply: Guardrail,
});

export const replaceGuardrail = route({
  method: 'PUT',
  path: '/guardrails/:id',
  summary: 'Replaces a guardrail; statements that come after the reply are judged by the new rules',
  role: 'admin',
  params: Params,
  body: Body,
  reply: Guardrail,
  audit: 'guardrail.update',
});

export const deleteGuardrail = route({
  method: 'DELETE',
  path: '/guardrails/:id',
  summary: 'Deletes a guardrail',
  role: 'admin',
  params: Params,
  status: 204,
  audit: 'guardrail.delete',
});
