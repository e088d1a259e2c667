import { AgentHello, AgentMessage, FRAME_KINDS, TUNNEL_VERSION_MIN } from '@hoop/contract/tunnel';
import { PeerFault, Refusal } from '@hoop/core/errors';
import { parseMessage } from './control.ts';
import { AGENT_MESSAGE_BYTES_MAX, AGENT_MESSAGES_PER_SECOND_MAX } from './settings.ts';
import type { FrameStream } from './stream.ts';

/** The gateway's end of an agent's control stream: a hello, and then messages now and then. */
export class AgentControl {
  /** @throws PeerFault `agent_left`, `bad_message`; Refusal `agent_too_old` */
  readonly hello: Promise<AgentHello>;
  readonly #rate = new Rate(AGENT_MESSAGES_PER_SECOND_MAX);
  #onMessage: ((message: AgentMessage) => void) | undefined;

  /** @param onOver the agent ended the stream, and means to leave */
  constructor(stream: FrameStream, onOver: () => void) {
    this.hello = new Promise((resolve, reject) => {
      let said = false;
      const over = (): void => {
        reject(new PeerFault('agent_left', 'The agent left before it said hello'));
        if (said) onOver();
      };
      stream.receive({
        data: () => undefined,
        message: (kind, payload) => {
          if (kind !== FRAME_KINDS.control) return;
          if (said) this.#take(payload);
          else settle(() => resolve(readHello(payload)), reject);
          said = true;
        },
        ended: over,
        broken: over,
      });
    });
  }

  /** From here on messages are handed on. What cannot be read, is too large or comes too often is dropped: the link matters more. */
  receive(onMessage: (message: AgentMessage) => void): void {
    this.#onMessage = onMessage;
  }

  #take(payload: Buffer): void {
    if (!this.#onMessage || payload.length > AGENT_MESSAGE_BYTES_MAX || !this.#rate.allows()) return;
    const message = messageIn(payload);
    if (message) this.#onMessage(message);
  }
}

function settle(act: () => void, reject: (error: unknown) => void): void {
  try {
    act();
  } catch (error) {
    reject(error);
  }
}

function readHello(payload: Buffer): AgentHello {
  const hello = parseMessage(AgentHello, payload);
  if (hello.version >= TUNNEL_VERSION_MIN) return hello;
  throw new Refusal(
    'agent_too_old',
    `This agent speaks version ${hello.version} of the tunnel and the gateway needs ${TUNNEL_VERSION_MIN} at least; update the agent`,
  );
}

/** Undefined for one of a later version, and for what is none. */
function messageIn(payload: Buffer): AgentMessage | undefined {
  try {
    return parseMessage(AgentMessage, payload);
  } catch {
    return undefined;
  }
}

/** So many in a second, and no more. */
class Rate {
  readonly #per_second: number;
  #second = 0;
  #count = 0;

  constructor(per_second: number) {
    this.#per_second = per_second;
  }

  allows(): boolean {
    const second = Math.floor(performance.now() / 1_000);
    if (second !== this.#second) this.#count = 0;
    this.#second = second;
    return ++this.#count <= this.#per_second;
  }
}
