import type { AgentStream } from './hub.ts';

/** Ends the agent's count of this session together with its stream. */
export function releasing(agent: AgentStream): AgentStream['stream'] {
  const { stream } = agent;
  let released = false;
  return {
    send: (kind, payload) => stream.send(kind, payload),
    receive: (handler) => stream.receive(handler),
    end: () => stream.end(),
    destroy: (error) => {
      if (!released) agent.release();
      released = true;
      stream.destroy(error);
    },
  };
}
