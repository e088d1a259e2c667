import { AMERICA } from './america.ts';
import { ASIA } from './asia.ts';
import { BRAZIL } from './brazil.ts';
import { BRITAIN_AUSTRALIA } from './britain-australia.ts';
import { CRYPTO } from './crypto.ts';
import { DATE_TIME } from './dates.ts';
import type { CodeEntity, RunEntity, ScanEntity, WordEntity } from './detector.ts';
import { findEmails } from './email.ts';
import { EUROPE } from './europe.ts';
import { IBAN_CODE } from './iban.ts';
import { LOCATION, NRP, PERSON } from './names.ts';
import { CREDIT_CARD } from './payment.ts';
import { PHONE_NUMBER } from './phones.ts';
import { PRIVATE_KEY, SECRETS } from './secrets.ts';
import { BITS } from './survey.ts';
import { IP_ADDRESS, MAC_ADDRESS, URL_ENTITY } from './web.ts';

const EMAIL_ADDRESS: ScanEntity = {
  entity: 'EMAIL_ADDRESS',
  hints: { bytes: [0x40] },
  bits: BITS.mail,
  find: (bytes, found) => findEmails(bytes, (from, to) => found(from, to, 1)),
};

export const CODES: readonly CodeEntity[] = [CREDIT_CARD, IBAN_CODE, ...AMERICA, ...BRITAIN_AUSTRALIA, ...ASIA, ...EUROPE, ...BRAZIL];
export const SCANS: readonly ScanEntity[] = [EMAIL_ADDRESS, IP_ADDRESS, MAC_ADDRESS, URL_ENTITY, PRIVATE_KEY];
export const WORDS: readonly WordEntity[] = [PHONE_NUMBER, DATE_TIME, PERSON, LOCATION, NRP];
export const RUNS: readonly RunEntity[] = [CRYPTO, ...SECRETS];

/** Other names that people know entities by. */
export const ALIASES: Readonly<Record<string, string>> = {
  ABA_ROUTING_NUMBER: 'ABA_ROUTING',
  SG_NRIC_FIN: 'SG_FIN',
  JWT_TOKEN: 'JWT',
};
