import type { AnswerColumn } from '@hoop/core/answer';
import { TargetFault } from '@hoop/core/errors';
import { COLUMN_DEFINITION_BYTES_MAX } from './limits.ts';
import { COLUMN_TAIL_BYTES, decodeDescription, decodeShape, isWide, type Shape } from './messages/column.ts';
import { binarySize, TYPE } from './messages/row.ts';

/** The columns of one result. They are decoded when somebody asks: most answers pass without anybody looking at a cell. */
export class Columns {
  readonly #definitions: Buffer[];
  #shapes: readonly Shape[] | undefined;
  #isWide: boolean | undefined;
  #hasNumbers: boolean | undefined;

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

  /** True where a quick look at the bytes of a row says nothing: letters are not single bytes. */
  get isWide(): boolean {
    this.#isWide ??= this.shapes.some(({ charset }) => isWide(charset));
    return this.#isWide;
  }

  /** The same of rows in the binary format: numbers and times are not digits there. */
  get hasNumbers(): boolean {
    this.#hasNumbers ??= this.shapes.some(({ type }) => type === TYPE.bit || binarySize(type) !== 'lenenc');
    return this.#hasNumbers;
  }
}
