import type { Protocol } from '@hoop/core/protocol';
import { accept } from './accept.ts';
import { connect } from './connect.ts';
import { TcpSettings } from './settings.ts';

/** Opaque bytes: who was connected with what, for how long and how much, and nothing of what was said unless the connection is captured. */
export const tcp: Protocol<TcpSettings> = {
  name: 'tcp',
  abilities: { actions: 'session-only', deny: 'close', hold: true, mask: 'none', cancel: false, answers: [] },
  settings: TcpSettings,
  ports: { local: 8999 },
  halfClose: true,
  showsTerminals: true,
  refuse: () => Buffer.alloc(0),
  accept,
  connect,
};
