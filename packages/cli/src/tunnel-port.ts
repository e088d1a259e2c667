import type { Wire } from '@hoop/core/wire';

/** A link to the gateway's tunnel, as `hoop connect` needs it: one for all local clients. */
export interface GatewayLink {
  /**
   * A stream to a connection: the gateway speaks the protocol's own start on it. The verb is `connect` unless it is told.
   * @throws Refusal when the gateway says no, TargetFault when the link broke.
   */
  open(connection: string, verb?: 'connect' | 'exec'): Promise<Wire>;
  /** Resolves when the link is gone, whoever ended it. */
  readonly closed: Promise<void>;
  close(): void;
}

/** Dials the tunnel. @throws TargetFault `gateway_unreachable`, Misconfigured `gateway_certificate`. */
export type DialGateway = () => Promise<GatewayLink>;
