import type { Protocol } from '@hoop/core/protocol';
import { accept } from './accept.ts';
import { connect } from './connect.ts';
import { execute } from './execute.ts';
import { TerminalSettings } from './settings.ts';
import { TerminalTranscript } from './transcript.ts';
import { refusalWords } from './words.ts';

/** Commands that the agent runs: scripts in a pipe, and people at a terminal. */
export const terminal: Protocol<TerminalSettings> = {
  name: 'terminal',
  abilities: { actions: 'parsed', deny: 'answer', hold: true, mask: 'body', cancel: false, answers: ['forbids'] },
  settings: TerminalSettings,
  ports: { local: 0 },
  carries: 'commands',
  needsCommand: true,
  transcript: () => new TerminalTranscript(),
  refuse: refusalWords,
  accept,
  connect,
  execute,
};
