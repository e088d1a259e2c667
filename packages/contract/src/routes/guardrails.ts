import { z } from 'zod';
import { route } from '../route.ts';
import { GuardrailRule } from '../tunnel.ts';
import { emptyOnly, Id, readOnly, Time } from './common.ts';

export const RULE_WORDS_MAX = 1_000;

const Rule = z
  .strictObject({
    type: z.enum(['deny_words_list', 'pattern_match']),
    words: z.array(z.string().min(1).max(1_000)).max(RULE_WORDS_MAX).default([]),
    /** A pattern of RE2: no back-references, no look-around, linear time. */
    pattern_regex: z.string().max(4_000).default(''),
    /** Told to the user whose statement is denied. */
    message: z.string().max(1_000).default(''),
  })
  .refine((rule) => rule.type !== 'deny_words_list' || rule.words.length > 0, { path: ['words'], message: 'Give at least one word' })
  .refine((rule) => rule.type !== 'pattern_match' || rule.pattern_regex !== '', { path: ['pattern_regex'], message: 'Give a pattern' });

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
