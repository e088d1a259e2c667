/** A connection as the demo makes it. */
export interface Wish {
  readonly name: string;
  readonly type: 'database' | 'application' | 'custom';
  readonly subtype: string;
  readonly command?: readonly string[];
  /** By the names of the connection's settings, in clear text. */
  readonly settings: Readonly<Record<string, string>>;
}

/** Something that a connection of the demo leads to, beside its PostgreSQL server. */
export interface Target {
  readonly wish: Wish;
  /** For the person, in a few words: `MariaDB 10.11`. */
  readonly what: string;
  /** What runs for it; absent where nothing does. */
  readonly running?: Running;
}

export interface Running {
  stop(): Promise<void>;
  /** Ends it now, for the person who does not want to wait. */
  hurry(): void;
  /** Resolves when its process has ended, with how; never where it has no process of its own. */
  ended(): Promise<string>;
  /** Starts it again. */
  again(): Promise<void>;
}

/** What this machine lacks for a target, and what to install. */
export class Missing extends Error {}
