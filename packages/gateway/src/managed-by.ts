/** Who keeps a connection that an agent beside an application declared. */
export const MANAGED_BY_AGENT = 'hoopagent';
