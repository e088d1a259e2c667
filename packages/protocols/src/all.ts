import type { Protocol } from '@hoop/core/protocol';
import { http } from './http/index.ts';
import { mysql } from './mysql/index.ts';
import { postgres } from './postgres/index.ts';
import { ssh } from './ssh/index.ts';
import { tcp } from './tcp/index.ts';
import { terminal } from './terminal/index.ts';

/** Every protocol that is spoken here. Adding one is adding its folder and its line. */
const ALL: readonly Protocol<never>[] = [
  http as unknown as Protocol<never>,
  mysql as unknown as Protocol<never>,
  postgres as unknown as Protocol<never>,
  ssh as unknown as Protocol<never>,
  tcp as unknown as Protocol<never>,
  terminal as unknown as Protocol<never>,
];

/** The adapter of this name, or undefined. */
export function protocolNamed(name: string): Protocol | undefined {
  return ALL.find((protocol) => protocol.name === name) as Protocol | undefined;
}

export function allProtocols(): readonly Protocol[] {
  return ALL as unknown as readonly Protocol[];
}
