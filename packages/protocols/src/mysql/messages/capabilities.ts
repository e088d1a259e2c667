/** What client and server may agree on, by its bit. (MySQL Internals, "Capabilities Flags") */
export const CAPABILITY = {
  longPassword: 1,
  foundRows: 1 << 1,
  longFlag: 1 << 2,
  connectWithDatabase: 1 << 3,
  noSchema: 1 << 4,
  compress: 1 << 5,
  odbc: 1 << 6,
  localFiles: 1 << 7,
  ignoreSpace: 1 << 8,
  protocol41: 1 << 9,
  interactive: 1 << 10,
  tls: 1 << 11,
  ignoreSigpipe: 1 << 12,
  transactions: 1 << 13,
  reserved: 1 << 14,
  secureConnection: 1 << 15,
  multiStatements: 1 << 16,
  multiResults: 1 << 17,
  preparedMultiResults: 1 << 18,
  pluginAuth: 1 << 19,
  attributes: 1 << 20,
  lenencAuth: 1 << 21,
} as const;

const C = CAPABILITY;

/** What decides the bytes of a session after its login: a target is asked for what the client asked for, and neither for more. */
export const SESSION_CAPABILITIES =
  C.foundRows |
  C.noSchema |
  C.odbc |
  C.localFiles |
  C.ignoreSpace |
  C.interactive |
  C.transactions |
  C.multiStatements |
  C.multiResults |
  C.preparedMultiResults;

/**
 * What clients are offered before anybody knows their target: what every target since MySQL 5.5 and MariaDB 5.5 has, so that nothing has
 * to be translated afterwards. Left out on purpose: compression (nothing can be judged in it), results without EOF and session tracking
 * (older targets and poolers have neither, every client does without), query attributes (text that no rule would see).
 */
export const OFFERED =
  SESSION_CAPABILITIES |
  C.longPassword |
  C.longFlag |
  C.connectWithDatabase |
  C.protocol41 |
  C.ignoreSigpipe |
  C.reserved |
  C.secureConnection |
  C.pluginAuth |
  C.attributes |
  C.lenencAuth;

/** For clients of our own, which bring none: scripts of several statements, no files. */
export const OWN_CAPABILITIES = C.multiStatements | C.multiResults | C.preparedMultiResults | C.transactions;

/** Server status flags, in OK and EOF. (MySQL Internals, "Status Flags") */
export const STATUS = { autocommit: 0x0002, moreResults: 0x0008, cursorExists: 0x0040, outParameters: 0x1000 } as const;
