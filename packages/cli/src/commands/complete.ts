import type { Client } from '@hoop/contract/client';
import { listAgents } from '@hoop/contract/routes/agents';
import { listConnections } from '@hoop/contract/routes/connections';
import { listCredentials } from '@hoop/contract/routes/credentials';
import { listGuardrails } from '@hoop/contract/routes/guardrails';
import { listMaskingRules } from '@hoop/contract/routes/masking';
import { listResources } from '@hoop/contract/routes/resources';
import { listReviews } from '@hoop/contract/routes/reviews';
import { listSessions } from '@hoop/contract/routes/sessions';
import { listUsers } from '@hoop/contract/routes/users';
import type { Completes } from '../completion/completed.ts';
import type { Context } from '../context.ts';
import { openGateway } from '../gateway.ts';
import { print } from '../output/terminal.ts';

/** A person waits with a finger on Tab. */
const COMPLETE_MS_MAX = 2_000;

const timely = { timeout_ms: COMPLETE_MS_MAX };

const WORDS: Readonly<Partial<Record<Completes, (client: Client) => Promise<readonly string[]>>>> = {
  connections: async (client) => (await client.call(listConnections, timely)).map((connection) => connection.name),
  agents: async (client) => (await client.call(listAgents, timely)).map((agent) => agent.name),
  users: async (client) => (await client.call(listUsers, timely)).map((user) => user.email),
  sessions: async (client) => (await client.call(listSessions, { query: { count: 'none' }, ...timely })).data.map((session) => session.id),
  reviews: async (client) => (await client.call(listReviews, { query: { status: 'PENDING' }, ...timely })).data.map((review) => review.id),
  credentials: async (client) => (await client.call(listCredentials, timely)).items.map((credential) => credential.id),
  guardrails: async (client) => (await client.call(listGuardrails, timely)).map((rule) => rule.name),
  resources: async (client) => (await client.call(listResources, timely)).map((resource) => resource.name),
  'datamasking-rules': async (client) => (await client.call(listMaskingRules, timely)).map((rule) => rule.name),
};

/** A word that would be more than one word to a shell is not offered. */
const PLAIN_WORD = /^[A-Za-z0-9._@%+:,-]+$/;

/**
 * `hoop __complete KIND`: words for the shell's completion, one a line. Silent and successful whatever happens:
 * an error message in the middle of somebody's command line helps nobody.
 */
export async function complete(context: Context, kind: string): Promise<void> {
  try {
    const words = WORDS[kind as Completes];
    if (words === undefined) return;
    const { client } = openGateway(context);
    for (const word of await words(client)) if (PLAIN_WORD.test(word)) print(context.terminal, word);
  } catch {
    // Not logged in, or the gateway is away: then there is nothing to offer.
  }
}
