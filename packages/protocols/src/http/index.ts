import type { Protocol } from '@hoop/core/protocol';
import { accept } from './accept.ts';
import { connect } from './connect.ts';
import { overWords } from './front.ts';
import { HttpSettings } from './settings.ts';

/** HTTP/1.1 and HTTP/2 to clients, HTTP/1.1 to targets, with WebSockets and other upgrades. */
export const http: Protocol<HttpSettings> = {
  name: 'http',
  abilities: { actions: 'parsed', deny: 'answer', hold: true, mask: 'body', cancel: false, answers: ['forbids'] },
  settings: HttpSettings,
  ports: { native: 18888, local: 8081 },
  carries: 'requests',
  refuse: overWords,
  accept,
  connect,
};
