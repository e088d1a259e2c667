import { agentHandlers } from './agents.ts';
import { connectionHandlers } from './connections.ts';
import { credentialHandlers } from './credentials.ts';
import { guardrailReplayHandlers } from './guardrail-replay.ts';
import { guardrailHandlers } from './guardrails.ts';
import type { Handlers } from './handler.ts';
import { localAuthHandlers } from './local-auth.ts';
import { maskingHandlers } from './masking.ts';
import { orgKeyHandlers } from './org-keys.ts';
import type { ApiParts } from './parts.ts';
import { reportHandlers } from './reports.ts';
import { resourceHandlers } from './resources.ts';
import { reviewHandlers } from './reviews.ts';
import { serverHandlers } from './server.ts';
import { serverLogHandlers } from './server-logs.ts';
import { sessionHandlers } from './sessions.ts';
import { sshKeyHandlers } from './ssh-keys.ts';
import { userHandlers } from './users.ts';

/** A handler for every route of the contract; one that is missing does not compile. */
export function allHandlers(parts: ApiParts): Handlers {
  return {
    ...serverHandlers(parts),
    ...serverLogHandlers(parts),
    ...localAuthHandlers(parts),
    ...userHandlers(parts),
    ...agentHandlers(parts),
    ...orgKeyHandlers(parts),
    ...resourceHandlers(parts),
    ...connectionHandlers(parts),
    ...credentialHandlers(parts),
    ...sshKeyHandlers(parts),
    ...sessionHandlers(parts),
    ...reportHandlers(parts),
    ...reviewHandlers(parts),
    ...guardrailHandlers(parts),
    ...guardrailReplayHandlers(parts),
    ...maskingHandlers(parts),
  };
}
