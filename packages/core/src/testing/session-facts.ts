import type { SessionFacts } from '../protocol.ts';

/** A session of somebody, for tests of `connect`. */
export function sessionFacts(more: Partial<SessionFacts> = {}): SessionFacts {
  return {
    id: '00000000-0000-4000-8000-000000000001',
    connection: 'shop',
    type: 'database',
    subtype: '',
    verb: 'connect',
    origin: 'native',
    user: { id: 'u', email: 'a@b.c' },
    command: [],
    ...more,
  };
}
