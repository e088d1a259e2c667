import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Protocol } from '@hoop/core/protocol';
import { protocolNamed } from '@hoop/protocols/all';
import { System, type SystemOptions } from '../support/system.ts';
import type { ClientKind, Column, Target } from './column.ts';
import type { TargetPlace } from './place.ts';
import { askingRows } from './rows/asking.ts';
import { cancellingRows } from './rows/cancelling.ts';
import { agentRows, endingRows } from './rows/ending.ts';
import { execRows } from './rows/exec.ts';
import { judgingRows } from './rows/judging.ts';
import { manyRows } from './rows/many.ts';
import { type Row, World } from './rows/row.ts';

/** Every behaviour that there is. */
const ROWS: readonly Row[] = [...askingRows, ...judgingRows, ...cancellingRows, ...endingRows, ...execRows, ...manyRows];

function clientsFor(row: Row, column: Column): readonly ClientKind[] {
  const able = column.clients.filter(({ skills }) => (row.skills ?? []).every((skill) => skills.has(skill)));
  return row.once ? able.slice(0, 1) : able;
}

/** Whether a protocol promises what a row asks for. */
function applies({ when, breaks, executes }: Row, column: Column, { abilities, execute }: Protocol): boolean {
  return (when?.(abilities) ?? true) && (!breaks || column.breaks[breaks] !== undefined) && (!executes || execute !== undefined);
}

/**
 * THE MATRIX: every behaviour, for every protocol, with every client, on both ways of linking an agent.
 * Each protocol's column is a file of its own (`<protocol>/matrix.test.ts`), so that they run side by side.
 */
export function proveMatrix(column: Column): void {
  const protocol = protocolNamed(column.protocol);
  assert.ok(protocol, `there is no protocol ${column.protocol}`);
  describe(column.protocol, () => {
    let target: Target;
    let targetPlace: TargetPlace;
    before(async () => {
      target = await column.startTarget();
      targetPlace = await target.place();
    });
    after(() => target.close());

    for (const agent of ['memory', 'tunnel'] satisfies SystemOptions['agent'][]) {
      describe(`agent in ${agent === 'memory' ? 'the gateway’s process' : 'a tunnel'}`, () => {
        let system: System;
        before(async () => {
          system = await System.start({ agent });
        });
        after(() => system.close());
        const rows = agent === 'tunnel' ? [...ROWS, ...agentRows] : ROWS;
        for (const row of rows.filter((row) => applies(row, column, protocol))) {
          for (const kind of clientsFor(row, column)) {
            test(`${row.promise} (${kind.name})`, async () => {
              const world = new World({ system, column, target, targetPlace, kind });
              try {
                await row.prove(world);
              } finally {
                await world.tidyUp();
              }
            });
          }
        }
      });
    }
  });
}
