const KIB = 1024;
const MIB = 1024 * KIB;

/** What a store may answer. A secret of AWS has at most 64 KiB; a page by mistake has more than this. */
export const SECRET_REPLY_BYTES_MAX = 1 * MIB;

/** A file in the directory of secrets: certificates and keys, not archives. */
export const SECRET_FILE_BYTES_MAX = 1 * MIB;

/** Documents that are remembered; the oldest goes first. */
export const SECRET_CACHE_ENTRIES_MAX = 1_000;

/** Requests to stores at one time, all sessions together. Those who want the same document share one. */
export const SECRET_FETCHES_MAX = 64;

/** How long a document may be used without asking again, where its store does not say less: a rotated password is found in this time. */
export const SECRET_CACHE_MS_MAX = 5 * 60_000;

/** Leases are left before they end, so that a login with them still works. */
export const LEASE_SHARE_USED = 0.8;

/** A login that fails makes a remembered secret doubtful, but not one as fresh as this: nobody shall use us to hammer a store. */
export const SECRET_TRUSTED_MS = 10_000;

/** Tokens of RDS live 15 minutes. */
export const RDS_TOKEN_MS = 14 * 60_000;

/** Clusters of EKS take a token for 15 minutes. */
export const EKS_TOKEN_MS = 14 * 60_000;

/** A token dies with the credentials that signed it; another is made so long before. */
export const EKS_CREDENTIALS_MARGIN_MS = 60_000;

/** Everything that one session needs, all stores together. Dialling its target has a time of its own. */
export const SESSION_SECRETS_MS_MAX = 12_000;

/** One request to Vault, unless VAULT_HTTP_REQ_TIMEOUT says otherwise. */
export const VAULT_REQUEST_MS = 5_000;
export const VAULT_REQUEST_MS_MAX = 60_000;

/** One request to AWS, and finding the credentials for it. */
export const AWS_REQUEST_MS_MAX = 5_000;

/** Directories of agents that were killed, looked at when an agent starts. */
export const LEFTOVERS_MAX = 1_000;

/** A directory so young may belong to an agent that is just making it. */
export const LEFTOVER_AGE_MS = 60_000;

/** Whether the owner of a directory lives is asked on this machine. */
export const LEFTOVER_ASK_MS_MAX = 1_000;
