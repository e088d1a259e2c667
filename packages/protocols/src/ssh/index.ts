import type { Protocol } from '@hoop/core/protocol';
import { accept } from './accept.ts';
import { connect } from './connect.ts';
import { execute } from './execute.ts';
import { SshSettings } from './settings.ts';
import { disconnectWords } from './words.ts';

/** SSH 2.0: shells, commands, file transfers and forwards. */
export const ssh: Protocol<SshSettings> = {
  name: 'ssh',
  abilities: { actions: 'parsed', deny: 'answer', hold: true, mask: 'body', cancel: true, answers: ['forbids'] },
  settings: SshSettings,
  ports: { native: 12222, local: 2223 },
  carries: 'commands',
  showsTerminals: true,
  refuse: disconnectWords,
  accept,
  connect,
  execute,
};
