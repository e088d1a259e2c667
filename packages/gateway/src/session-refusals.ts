import { type AppError, Misconfigured, Refusal } from '@hoop/core/errors';

/** Why a session is not opened, or ends before its client wants it to. */
export function killed(byEmail: string): Refusal {
  return new Refusal('session_killed', `The session was ended by ${byEmail}`);
}

export function deactivated(): Refusal {
  return new Refusal('user_deactivated', 'The user of this session was deactivated');
}

export function closed(): Refusal {
  return new Refusal('connection_closed', 'The connection of this session was closed');
}

export function expired(): Refusal {
  return new Refusal('credential_expired', 'The time of this session’s credential is over; make a new one');
}

export function revoked(): Refusal {
  return new Refusal('credential_revoked', 'The credential of this session was revoked');
}

export function keyRemoved(): Refusal {
  return new Refusal('ssh_key_removed', 'The SSH key of this session was removed');
}

/** The agent does not know what the connection needs. */
export function agentTooOld(name: string, why: string): AppError {
  return new Misconfigured('agent_too_old', `${name} ${why}; update the agent`);
}

export function draining(): Refusal {
  return new Refusal('gateway_draining', 'The gateway is going down; connect again in a moment');
}
