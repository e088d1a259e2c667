import { note, type Terminal } from './terminal.ts';

/** The stages that `connect` and `exec` tell of. */
export type EventStatus = 'connected' | 'ready' | 'agent_offline' | 'running' | 'completed' | 'disconnected' | 'error';

export interface Progress {
  readonly status: EventStatus;
  readonly message: string;
  readonly data?: Readonly<Record<string, unknown>>;
  readonly exit_code?: number;
}

/** Tells how a command that takes time is getting on. */
export interface Teller {
  tell(progress: Progress): void;
}

/** For machines: one JSON object a line on stdout. */
export function jsonTeller(terminal: Terminal): Teller {
  return { tell: (progress) => terminal.stdout.write(`${JSON.stringify(progress)}\n`) };
}

/** For people: the message on stderr; nothing for what needs no words. */
export function humanTeller(terminal: Terminal): Teller {
  return {
    tell(progress): void {
      if (progress.message === '') return;
      const { yellow, red } = terminal.errStyle;
      const paint =
        progress.status === 'agent_offline' || progress.status === 'disconnected' ? yellow : progress.status === 'error' ? red : String;
      note(terminal, paint(progress.message));
    },
  };
}
