import { z } from 'zod';
import { route } from '../route.ts';
import { MASK_STRATEGIES } from '../tunnel.ts';
import { emptyOnly, Id, readOnly, Time } from './common.ts';

const EntityTypes = z.strictObject({
  name: z.string().min(1).max(254),
  entity_types: z
    .array(
      z
        .string()
        .max(64)
        .regex(/^[A-Z][A-Z0-9_]*$/, 'Write an entity such as EMAIL_ADDRESS'),
    )
    .min(1)
    .max(200),
});

/** An entity of one's own: a pattern, a list of words, or both. */
const CustomEntityType = z.strictObject({
  name: z
    .string()
    .max(64)
    .regex(/^[A-Z][A-Z0-9_]*$/, 'Write a name such as EMPLOYEE_ID'),
  /** RE2; '' for none. */
  regex: z.string().max(4_096).default(''),
  deny_list: z.array(z.string().min(1).max(254)).max(200).default([]),
  score: z.number().min(0).max(1),
});

const RuleName = z
  .string()
  .min(1)
  .max(254)
  .regex(/^[^\p{Cc}/]+$/u, 'Leave out slashes and control characters');

export const MaskingRule = z.object({
  id: z.string(),
  name: z.string(),
  description: z.string(),
  connection_ids: z.array(z.string()),
  attributes: z.array(z.string()),
  supported_entity_types: z.array(z.object({ name: z.string(), entity_types: z.array(z.string()) })),
  custom_entity_types: z.array(z.object({ name: z.string(), regex: z.string(), deny_list: z.array(z.string()), score: z.number() })),
  columns: z.array(z.string()),
  score_threshold: z.number().nullable(),
  strategy: z.enum(MASK_STRATEGIES).nullable(),
  keep: z.number().nullable(),
  managed_by: z.string().nullable(),
  created_at: Time,
  updated_at: Time,
});
export type MaskingRule = z.infer<typeof MaskingRule>;

const Body = z.strictObject({
  name: RuleName,
  description: z.string().max(2_000).default(''),
  connection_ids: z.array(Id).max(10_000).default([]),
  supported_entity_types: z.array(EntityTypes).max(100).default([]),
  custom_entity_types: z.array(CustomEntityType).max(100).default([]),
  /** Patterns of columns that are hidden whole, whatever is in them: `*email*`, `users.email`, `hr.users.ssn`. */
  columns: z.array(z.string().min(1).max(254)).max(1_000).default([]),
  score_threshold: z.number().min(0).max(1).nullable().optional(),
  /** What is shown instead of a value; `redact` where it is not said. */
  strategy: z.enum(MASK_STRATEGIES).nullable().optional(),
  /** How many bytes at the end `partial` shows, at most half of the value; 4 where it is not said. */
  keep: z.number().int().min(0).max(8).nullable().optional(),
  attributes: emptyOnly('Attributes'),
  id: readOnly,
  managed_by: readOnly,
  created_at: readOnly,
  updated_at: readOnly,
});

/** By id or by name. */
const Params = z.object({ id: z.string().min(1).max(254) });

export const listMaskingRules = route({
  method: 'GET',
  path: '/datamasking-rules',
  summary: 'Lists data masking rules',
  role: 'admin-or-auditor',
  reply: z.array(MaskingRule),
});

export const createMaskingRule = route({
  method: 'POST',
  path: '/datamasking-rules',
  summary: 'Creates a data masking rule; an entity that cannot be found, or a connection that cannot be masked, is refused',
  role: 'admin',
  body: Body,
  reply: MaskingRule,
  status: 201,
  audit: 'masking.create',
});

export const getMaskingRule = route({
  method: 'GET',
  path: '/datamasking-rules/:id',
  summary: 'Gets a data masking rule',
  role: 'admin-or-auditor',
  params: Params,
  reply: MaskingRule,
});

export const replaceMaskingRule = route({
  method: 'PUT',
  path: '/datamasking-rules/:id',
  summary: 'Replaces a data masking rule',
  role: 'admin',
  params: Params,
  body: Body,
  reply: MaskingRule,
  audit: 'masking.update',
});

export const deleteMaskingRule = route({
  method: 'DELETE',
  path: '/datamasking-rules/:id',
  summary: 'Deletes a data masking rule',
  role: 'admin',
  params: Params,
  status: 204,
  audit: 'masking.delete',
});
