/**
 * What an agent ends with when trying again cannot help: the gateway does not take its key, or a setting is wrong.
 * It is `EX_CONFIG` of sysexits.h; service managers are told not to restart it.
 */
export const EXIT_REFUSED = 78;
