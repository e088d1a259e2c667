import { z } from 'zod';

/**
 * What agent and gateway say to each other. Fields are added, never given another meaning;
 * an unknown field is ignored, an absent one means the safe default.
 *
 * One stream carries one client connection: frames of a kind byte and a payload, in order.
 * That order is what lets the gateway hold an answer until the record of its action is durable.
 */
export const FRAME_KINDS = {
  /** Bytes of the protocol, both ways. */
  data: 0,
  /** Gateway to agent, first frame: `OpenMessage`. */
  open: 1,
  /** Agent to gateway: the target is ready; the greeting follows as data. */
  ready: 2,
  /** Agent to gateway: one audit event, `u8 flags | u32 rows | JSON` (see `EVENT_FLAGS` and audit.ts). */
  event: 3,
  /** Either way: the session failed, `FailMessage`. */
  fail: 4,
  /** On a control stream, both ways: `AgentHello` first, then `GatewayMessage`s. */
  control: 5,
  /** Agent to gateway: the target sends no more, and still listens; the session goes on until the client ends too. */
  eof: 6,
  /** Agent to gateway, empty: the bytes so far end in the middle of a message of the protocol; more of it follows. */
  partial: 7,
  /** Agent to gateway: `ReviewMessage`. Only where the open message said that it is understood. */
  review: 8,
  /** Agent to gateway: what a terminal inside of the session is about to show (see shown.ts). Only where the open message said that it is recorded. */
  shown: 9,
} as const;

/** What the gateway counts of an event without reading its JSON, which would cost more than everything else it does for a short query. */
export const EVENT_FLAGS = { action: 1, denied: 2, outcome: 4, masked: 8, exit: 16, held: 32 } as const;
export const EVENT_HEADER_BYTES = 5;

/** What a stream is for, as the path of its HTTP/2 request. */
export const TUNNEL_PATHS = {
  /** The agent's control stream. Authorization: the whole key. */
  control: '/hoop.Tunnel/Control',
  /** A session that the gateway asked for with `dial`; header `hoop-stream` says which. */
  session: '/hoop.Tunnel/Session',
  /** A user's `hoop connect`: one local client. Authorization: the user's token; header `hoop-connection`, and `hoop-verb` for what it is to do (`connect` or `exec`). */
  client: '/hoop.Tunnel/Client',
  /** A user proves who they are, for the link as a whole. Authorization: the user's token. */
  user: '/hoop.Tunnel/User',
  /** Events that the agent sent shortly before its last link broke, told again: `16 bytes session | event frame` each. */
  replay: '/hoop.Tunnel/Replay',
} as const;

export type FrameKind = (typeof FRAME_KINDS)[keyof typeof FRAME_KINDS];

/** Version of these shapes; an agent of the previous one is served. */
export const TUNNEL_VERSION = 1;

/** An agent that speaks an older one is refused with words. */
export const TUNNEL_VERSION_MIN = 1;

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
export const RULE_ACTIONS = ['block', 'require_approval', 'warn', 'log'] as const;
/** What is shown in place of a value. */
export const MASK_STRATEGIES = ['redact', 'partial', 'hash', 'token', 'null'] as const;
export const WEEKDAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;

/** An agent that does not know a rule's type refuses the session. One that does not know a condition or an action takes the rule for stricter than it is. */
export const GuardrailRule = z.object({
  type: z.enum(RULE_TYPES),
  words: z.array(z.string()).default([]),
  pattern_regex: z.string().default(''),
  message: z.string().default(''),
  /** Of type `operation`: effects of statements, such as `drop` or `delete_without_where`. */
  operations: z.array(z.string()).optional(),
  /** Of type `table`: patterns such as `hr.salaries`. */
  tables: z.array(z.string()).optional(),
  access: z.enum(['read', 'write']).optional(),
  /** Of type `function`: patterns such as `dblink*`. */
  functions: z.array(z.string()).optional(),
  /** Of type `command`: a program with what it must have, such as `rm -rf`. */
  commands: z.array(z.string()).optional(),
  /** Of type `request`. */
  methods: z.array(z.string()).optional(),
  paths: z.array(z.string()).optional(),
  /** Of type `row_limit`. */
  rows_max: z.number().int().optional(),
  /** What happens; absent: `block`. */
  action: z.enum(RULE_ACTIONS).optional(),
  /** For whom the rule holds; absent: everybody. */
  groups: z.object({ only: z.array(z.string()).optional(), except: z.array(z.string()).optional() }).optional(),
  /** When the rule holds; absent: always. */
  time_window: z
    .object({
      days: z.array(z.enum(WEEKDAYS)).optional(),
      from: z.string().optional(),
      to: z.string().optional(),
      time_zone: z.string().optional(),
      outside: z.boolean().optional(),
    })
    .optional(),
});
export type GuardrailRule = z.infer<typeof GuardrailRule>;

/** The rules of one connection, as the agent compiles them. */
export const PolicyMessage = z.object({
  revision: z.number().int(),
  /** What becomes of a value on which a detector failed; absent: `strict`, it is hidden. */
  mode: z.enum(['strict', 'best-effort']).optional(),
  /** A Presidio server to ask about entities that the agent does not find by itself, unless the agent has one of its own. */
  presidio: z.object({ url: z.string() }).optional(),
  guardrails: z.array(z.object({ name: z.string(), input: z.array(GuardrailRule), output: z.array(GuardrailRule) })),
  /** Entities to hide, by Presidio's names. */
  masks: z.array(
    z.object({
      name: z.string(),
      /** Those of `custom` too: an agent that does not know of `custom` refuses what it cannot find. */
      entities: z.array(z.string()),
      custom: z.array(z.object({ name: z.string(), pattern: z.string(), words: z.array(z.string()), score: z.number() })).optional(),
      /** The least score that is hidden. */
      threshold: z.number().optional(),
      strategy: z.enum(MASK_STRATEGIES).optional(),
      /** How many bytes at the end of a value are shown with `partial`. */
      keep: z.number().int().optional(),
      /** Patterns of columns that are hidden whole. Only for an agent with the feature `answers`. */
      columns: z.array(z.string()).optional(),
    }),
  ),
});
export type PolicyMessage = z.infer<typeof PolicyMessage>;

export const HelloMessage = z.object({
  user: z.string(),
  database: z.string().optional(),
  options: z.record(z.string(), z.string()).optional(),
  cancelKey: z.string().optional(),
  version: z.string().optional(),
});

export const OpenMessage = z.object({
  session: z.string(),
  protocol: z.string(),
  connection: z.string(),
  /** `groups` absent: nobody said; a rule that is for some groups then holds. */
  user: z.object({ id: z.string(), email: z.string(), groups: z.array(z.string()).optional() }),
  /** What kind of connection it is. */
  type: z.string().default(''),
  subtype: z.string().default(''),
  verb: z.enum(['connect', 'exec']).default('connect'),
  /** Where the client came in: `cli`, `api`, `native` … */
  origin: z.string().default(''),
  /** The connection's secrets by plain name (`HOST`, `PASS`). A value may name a secret that the agent is to fetch (`_vaultkv2:path:key`). */
  settings: z.record(z.string(), z.string()),
  /** Secrets that are files, by the name of the setting that gets their path; base64. */
  files: z.record(z.string(), z.string()).default({}),
  /** The connection's command with its arguments. */
  command: z.array(z.string()).default([]),
  hello: HelloMessage,
  policy: PolicyMessage,
  /** The gateway asks people about what the agent holds back; absent: nobody does, and what would be held is denied. */
  reviews: z.boolean().optional(),
  /** The gateway records what terminals inside of the session show; absent: it does not. */
  recordings: z.boolean().optional(),
  /** Every action of this session is held that no rule denies; the words say why. */
  hold_all: z.string().optional(),
});
export type OpenMessage = z.infer<typeof OpenMessage>;

/** Agent to gateway, on the session's own stream: people are to be asked, or need not be any more. */
export const ReviewMessage = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('request'),
    seq: z.number().int(),
    via: z.string(),
    /** Whole. */
    text: z.string(),
    /** Of the text's bytes, in hex: a decision that names another one is about another text. */
    sha256: z.string(),
    rule: z.string(),
    message: z.string(),
  }),
  z.object({ type: z.literal('withdraw'), seq: z.number().int(), reason: z.string() }),
]);
export type ReviewMessage = z.infer<typeof ReviewMessage>;

/** Gateway to agent: what became of a request for approval. */
export const ReviewAnswer = z.discriminatedUnion('state', [
  /** People can see it; `notice` is for the client, where its protocol has words for that. */
  z.object({ state: z.literal('asked'), seq: z.number().int(), notice: z.string() }),
  z.object({
    state: z.literal('decided'),
    seq: z.number().int(),
    approved: z.boolean(),
    by: z.string().optional(),
    reason: z.string().default(''),
    /** Of the text that was decided about. */
    sha256: z.string(),
  }),
]);
export type ReviewAnswer = z.infer<typeof ReviewAnswer>;

export const FailMessage = z.object({
  kind: z.enum(['peer', 'target', 'refusal', 'misconfigured', 'bug']),
  code: z.string(),
  message: z.string(),
});
export type FailMessage = z.infer<typeof FailMessage>;

/** A connection that an agent beside an application (`hoop run`) offers by itself. Its settings stay in the agent. */
export const DeclaredConnection = z.object({
  name: z.string(),
  type: z.string(),
  subtype: z.string().default(''),
  command: z.array(z.string()).default([]),
  /** Groups that must approve. */
  reviewers: z.array(z.string()).default([]),
  /** Entities to hide in answers. */
  redact_types: z.array(z.string()).default([]),
});
export type DeclaredConnection = z.infer<typeof DeclaredConnection>;

export const LogEntry = z.object({
  at_ms: z.number(),
  level: z.enum(['debug', 'info', 'warn', 'error', 'fatal']),
  message: z.string(),
  /** Facts of the entry, as JSON text without secrets. */
  facts: z.string().default('{}'),
});
export type LogEntry = z.infer<typeof LogEntry>;

/** Agent to gateway, on the control stream after the hello. A message of an unknown type is ignored. */
export const AgentMessage = z.discriminatedUnion('type', [
  /** What the agent logged lately. */
  z.object({ type: z.literal('logs'), entries: z.array(LogEntry).max(500) }),
]);
export type AgentMessage = z.infer<typeof AgentMessage>;

/** Names in `AgentHello.features`. */
export const AGENT_FEATURES = {
  /** Says with `partial` where the client's bytes end in the middle of a message. Without it the gateway cannot know when it may speak. */
  boundaries: 'boundaries',
  /** Holds actions that need people's approval. Without it they cannot be opened to. */
  reviews: 'reviews',
  /** Keeps rules about answers: limits of rows, rules on output, masked columns; and refuses those that a protocol cannot keep. */
  answers: 'answers',
} as const;

/** Agent to gateway, first message of the control stream. */
export const AgentHello = z.object({
  version: z.number().int(),
  product: z.string(),
  hostname: z.string(),
  platform: z.string(),
  kernel: z.string().default(''),
  machine: z.string().default(''),
  protocols: z.array(z.string()).default([]),
  /** What it can do beyond the first release, by name: see `AGENT_FEATURES`. */
  features: z.array(z.string()).default([]),
  /** How its process was started. An agent that does not say is one of before there were other ways. */
  mode: z.enum(['standard', 'embedded']).default('standard'),
  /** The connection that an embedded agent brings along. */
  declares: z.lazy(() => DeclaredConnection).optional(),
});
export type AgentHello = z.infer<typeof AgentHello>;

/** Gateway to agent, on the control stream. */
export const GatewayMessage = z.discriminatedUnion('type', [
  z.object({ type: z.literal('welcome'), agent: z.string(), name: z.string() }),
  /** Open a stream for this client connection; its id goes into the stream's headers. */
  z.object({ type: z.literal('dial'), stream: z.string() }),
  /** Cancel what this session runs now. Not on the session's own stream, where it could stand behind a held chunk. */
  z.object({ type: z.literal('cancel'), session: z.string() }),
  /** About something that this session holds. Not on the session's own stream, where it would stand behind what the client sends meanwhile. */
  z.object({ type: z.literal('review'), session: z.string(), answer: z.lazy(() => ReviewAnswer) }),
  /** The rules of these sessions changed. */
  z.object({ type: z.literal('policy'), sessions: z.array(z.string()), policy: z.lazy(() => PolicyMessage) }),
  /** The link ends. With a code the agent need not come back: it would hear the same. */
  z.object({ type: z.literal('goodbye'), reason: z.string(), code: z.string().optional() }),
]);
export type GatewayMessage = z.infer<typeof GatewayMessage>;
