/** Where a client goes, and with what. */
export interface Place {
  readonly host: string;
  readonly port: number;
  /** The connection's name at the gateway; the user's name at the target itself. */
  readonly user: string;
  readonly secret: string;
}

/** A part of a target, seen from beside the system under test. */
export interface TargetPlace {
  /** The settings of a connection to it. */
  readonly settings: Record<string, string>;
  /** The settings of a connection that logs in with the least work, for many sessions. */
  readonly quickest: Record<string, string>;
  /** The settings with a password that is not right. */
  readonly wrongPassword: Record<string, string>;
  /** The marks that actions have left. */
  marks(): Promise<string[]>;
  /** How many sessions of ours it has. */
  sessions(): Promise<number>;
}
