import type { OutputEvent } from '@hoop/contract/audit';
import type { Client } from '@hoop/contract/client';
import { getSession, type Session } from '@hoop/contract/routes/sessions';

/** A piece of what the person saw. */
export interface OutputPiece {
  readonly at_ms: number;
  readonly stream: NonNullable<OutputEvent['stream']>;
  readonly bytes: Buffer;
  /** The recording of a terminal: its line feeds are no new lines. */
  readonly isTerminal: boolean;
}

/** What `via` says of the action that starts a terminal's command. */
const VIA_TERMINAL = 'terminal';

/**
 * Everything that a session showed, page by page; nothing where its protocol has no transcript. Stops asking when it is left.
 * @param terminal what the action that began it is called: other terminals of the session are left out
 */
export async function* outputOf(client: Client, id: string, terminal?: number): AsyncGenerator<OutputPiece | 'cut'> {
  const only = terminal === undefined ? {} : { terminal };
  let isTerminal = false;
  for (let next: { after: number; output_after?: number } | undefined = { after: 0 }; next; ) {
    const session: Session = await client.call(getSession, {
      params: { session_id: id },
      query: { expand: 'event_stream', ...only, ...next },
    });
    for (const { time, event } of session.event_stream ?? []) {
      if (event.type === 'action' && event.via === VIA_TERMINAL) isTerminal = true;
      if (event.type === 'transcript.cut') yield 'cut';
      // What was said to the target is not what anybody was shown.
      if (event.type !== 'output' || event.stream === 'stdin') continue;
      const ofTerminal = isTerminal || event.seq !== undefined;
      yield { at_ms: Date.parse(time), stream: event.stream ?? 'stdout', bytes: Buffer.from(event.data, 'base64'), isTerminal: ofTerminal };
    }
    const { next_after, next_output_after } = session;
    next =
      next_after === undefined
        ? undefined
        : { after: next_after, ...(next_output_after === undefined ? {} : { output_after: next_output_after }) };
  }
}
