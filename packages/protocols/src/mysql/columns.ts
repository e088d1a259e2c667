import type { AnswerColumn } from '@hoop/core/answer';
import { TargetFault } from '@hoop/core/errors';
import { COLUMN_DEFINITION_BYTES_MAX } from './limits.ts';
import { COLUMN_TAIL_BYTES, decodeDescription, decodeShape, isWide, type Shape } from './messages/column.ts';
import { binarySize, TYPE } from './messages/row.ts';

/** The columns of one result. They are decoded when somebody asks: most answers pass without anybody looking at a cell. */
export class Columns {
  readonly #definitions: Buffer[];
  #shapes: readonly Shape[] | undefined;
  #isOpaque: boolean | undefined;

  constructor(definitions: Buffer[] = []) {
    this.#definitions = definitions;
  }

  /** @throws TargetFault for a definition that no server makes: all of a result's stay in memory */
  add(definition: Buffer): void {
    if (definition.length < COLUMN_TAIL_BYTES)
      throw new TargetFault('target_protocol', 'The target sent the description of a column that is cut');
    if (definition.length > COLUMN_DEFINITION_BYTES_MAX) {
      throw new TargetFault('message_too_large', `The target describes a column with ${definition.length} bytes; give it a shorter name`);
    }
    this.#definitions.push(definition);
  }

  get count(): number {
    return this.#definitions.length;
  }

  /** What they take in memory. */
  get bytes(): number {
    return this.#definitions.reduce((sum, { length }) => sum + length, 0);
  }

  /** For another reader that goes on by itself. */
  copy(): Columns {
    return new Columns([...this.#definitions]);
  }

  /** The same in memory of their own, for rows that are asked for later. */
  kept(): Columns {
    return new Columns(this.#definitions.map((definition) => Buffer.from(definition)));
  }

  /** @throws PeerFault `bad_message` */
  get shapes(): readonly Shape[] {
    this.#shapes ??= this.#definitions.map(decodeShape);
    return this.#shapes;
  }

  /** @throws PeerFault `bad_message` */
  get described(): readonly AnswerColumn[] {
    return this.#definitions.map(decodeDescription);
  }

  /** True where a quick look at the bytes of a row says nothing: letters are not single bytes, or numbers are not digits there. */
  isOpaque(isBinary: boolean): boolean {
    this.#isOpaque ??= this.shapes.some(
      ({ type, charset }) => isWide(charset) || NO_DIGITS.has(type) || (isBinary && binarySize(type) !== 'lenenc'),
    );
    return this.#isOpaque;
  }
}

/** Bits are bytes, and a large number with a fraction has an exponent. */
const NO_DIGITS: ReadonlySet<number> = new Set([TYPE.bit, TYPE.float, TYPE.double]);
