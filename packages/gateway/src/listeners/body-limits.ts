import type { RouteName } from '@hoop/contract/routes/all';
import { API_BODY_BYTES_MAX, CONNECTION_BODY_BYTES_MAX, EXEC_BODY_BYTES_MAX } from '../limits.ts';

const EXCEPTIONS: Partial<Record<RouteName, number>> = {
  execSession: EXEC_BODY_BYTES_MAX,
  createConnection: CONNECTION_BODY_BYTES_MAX,
  replaceConnection: CONNECTION_BODY_BYTES_MAX,
  patchConnection: CONNECTION_BODY_BYTES_MAX,
  createResource: CONNECTION_BODY_BYTES_MAX,
  replaceResource: CONNECTION_BODY_BYTES_MAX,
};

/** Bytes that a request to this route may have. */
export function bodyLimit(name: RouteName): number {
  return EXCEPTIONS[name] ?? API_BODY_BYTES_MAX;
}
