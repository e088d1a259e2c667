/** Where a client goes: to the server itself, or to it through the gateway. */
export interface ClientPlace {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** PEM of the authority behind the certificate at that place. */
  readonly ca: string;
  /** A file with the same. */
  readonly caFile: string;
}

/**
 * Something that a client does. It resolves with what it saw, without what differs from time to time;
 * what it saw through the gateway must be what it sees at the server.
 */
export type Feature = (place: ClientPlace) => Promise<unknown>;

/** The features of one client, by their promise. */
export interface ClientFeatures {
  readonly name: string;
  readonly features: Readonly<Record<string, Feature>>;
}

/** What the features find in the database. */
export const FEATURE_GROUND = `
  create table items (id int primary key, name text, price numeric, made timestamptz, tags text[], data jsonb, raw bytea);
  insert into items select n, 'item ' || n, n / 10.0, '2026-01-01T00:00:00Z'::timestamptz + n * interval '1 hour',
    array['a' || n, null, 'ü'], jsonb_build_object('n', n, 'mail', 'x' || n || '@example.org'), decode(md5(n::text), 'hex') from generate_series(1, 300) n;
  create table scratch (id int, text text);
  grant all on items, scratch to public; grant create on schema public to public;
`;
