import { TargetFault } from '@hoop/core/errors';
import type { Owed } from './books.ts';
import { Columns } from './columns.ts';
import { PAYLOAD_BYTES_MAX } from './frame.ts';
import { COLUMNS_MAX } from './limits.ts';
import { STATUS } from './messages/capabilities.ts';
import { Fields } from './messages/fields.ts';
import { decodeEof, decodeOk, decodePrepared, EOF, EOF_BYTES_MAX, ERROR, FILE_REQUEST, isEof, OK } from './messages/result.ts';

/** Where in an answer the server is. */
type Phase = 'first' | 'columns' | 'columns-end' | 'rows' | 'fields' | 'definitions';

/**
 * What a packet that is no row is: `head`, `column`, `columns-end`: what stands in front of rows; `end`: what stands behind them;
 * `gap`: the end of a list of definitions; `words`: a text without a type.
 */
export type Kind = 'head' | 'column' | 'columns-end' | 'end' | 'gap' | 'ok' | 'error' | 'prepared' | 'file' | 'words';

/** Reads the packets of one answer after the other and says what each one is. It knows of no rules and changes nothing but itself. */
export class Walk {
  #entry: Owed | undefined;
  #phase: Phase = 'first';
  /** Column definitions that are still to come before the EOF. */
  #columnsLeft = 0;
  /** Of a prepared statement: how many lists of definitions are still to come. */
  #listsLeft = 0;
  /** Flags of the end of the rows at hand that the server says in front of them only. */
  #endStatus = 0;
  /** The row goes on in the next packet: this one was full. */
  continued = false;
  /** Of the result at hand. */
  columns = new Columns();

  /** The answer is complete, or there was none yet: the next packet needs `begin`. */
  isOver = true;

  /** The next packet begins the answer to this. */
  begin(entry: Owed): void {
    this.#entry = entry;
    this.isOver = false;
    this.#phase = entry.kind === 'fetch' ? 'rows' : entry.kind === 'fields' ? 'fields' : 'first';
    if (entry.kind === 'fetch' && entry.statement) this.columns = entry.statement.columns;
  }

  /** Another one that goes on from here by itself. */
  copy(): Walk {
    const copy = new Walk();
    copy.#entry = this.#entry;
    copy.#phase = this.#phase;
    copy.#columnsLeft = this.#columnsLeft;
    copy.#listsLeft = this.#listsLeft;
    copy.#endStatus = this.#endStatus;
    copy.continued = this.continued;
    copy.columns = this.columns.copy();
    copy.isOver = this.isOver;
    return copy;
  }

  /** By the first byte and the length of a payload. An EOF is short, and nothing else than an error begins with 0xff. */
  isRow(first: number | undefined, length: number): boolean {
    if (this.continued) return true;
    return this.#phase === 'rows' && first !== ERROR && (first !== EOF || length >= EOF_BYTES_MAX);
  }

  /** Passes over a packet of a row; true for the first one of it. */
  row(length: number): boolean {
    const isFirst = !this.continued;
    this.continued = length === PAYLOAD_BYTES_MAX;
    return isFirst;
  }

  /** Passes over a packet that is no row. @throws TargetFault on what a MySQL server does not say, PeerFault `bad_message` */
  next(payload: Buffer): Kind {
    if (payload[0] === ERROR) return this.#over('error');
    switch (this.#phase) {
      case 'first':
        return this.#first(payload);
      case 'columns':
        this.columns.add(payload);
        if (--this.#columnsLeft === 0) this.#phase = 'columns-end';
        return 'column';
      case 'columns-end':
        return this.#columnsEnd(decodeEof(payload));
      case 'definitions':
        return this.#definition(payload);
      case 'fields':
        return isEof(payload) ? this.#over('gap') : 'column';
      case 'rows':
        return this.#end('end', decodeEof(payload) | this.#endStatus);
    }
  }

  /** The first packet of an answer, or of the next result in it. */
  #first(payload: Buffer): Kind {
    const kind = this.#entry?.kind;
    const type = payload[0];
    if (kind === 'text') return this.#over('words');
    if (type === OK) return kind === 'prepare' ? this.#prepared(payload) : this.#end('ok', decodeOk(payload).status);
    if (isEof(payload) && kind === 'ok') return this.#over('end');
    if (kind !== 'result') throw unexpected(`a packet that begins with ${type}`);
    if (type === FILE_REQUEST) return 'file';
    const count = payload.length === 1 ? (type ?? 0) : new Fields(payload).lenenc();
    if (count === 0 || count > COLUMNS_MAX) throw unexpected(`a result of ${count} columns`);
    this.#columnsLeft = count;
    this.columns = new Columns();
    this.#phase = 'columns';
    return 'head';
  }

  #prepared(payload: Buffer): Kind {
    const { columns, parameters } = decodePrepared(payload);
    this.#listsLeft = (columns > 0 ? 1 : 0) + (parameters > 0 ? 1 : 0);
    this.#phase = 'definitions';
    this.columns = new Columns();
    return this.#listsLeft === 0 ? this.#over('prepared') : 'prepared';
  }

  /** Parameters first, where there are some: what is in `columns` at the end is the last list. */
  #definition(payload: Buffer): Kind {
    if (!isEof(payload)) {
      this.columns.add(payload);
      return 'column';
    }
    if (--this.#listsLeft === 0) return this.#over('gap');
    this.columns = new Columns();
    return 'gap';
  }

  /** With a cursor the rows come when they are asked for. Behind OUT parameters MySQL does not say again that more follows, and something does. */
  #columnsEnd(status: number): Kind {
    this.#phase = 'rows';
    this.#endStatus = status & STATUS.outParameters ? status & STATUS.moreResults : 0;
    return this.#entry?.statement && status & STATUS.cursorExists ? this.#over('columns-end') : 'columns-end';
  }

  /** A result is over: another one follows, or the answer is complete. */
  #end(kind: Kind, status: number): Kind {
    if (this.#entry?.kind !== 'result' || (status & STATUS.moreResults) === 0) return this.#over(kind);
    this.#phase = 'first';
    return kind;
  }

  #over(kind: Kind): Kind {
    this.isOver = true;
    return kind;
  }
}

export function unexpected(what: string): TargetFault {
  return new TargetFault('target_protocol', `The target sent ${what}, which MySQL does not say there`);
}
