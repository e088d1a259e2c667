/** What a table may show in a cell. Nothing, or an empty text, is shown as `-`. */
export type Cell = string | number | boolean | null | undefined;

const GAP = '   ';

/**
 * Rows under upper-case headers, columns as wide as their widest cell, three spaces apart.
 * The last column is not padded, so that no line ends in spaces. Ends with a newline.
 */
export function renderTable(headers: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const lines = [headers, ...rows.map((row) => headers.map((_, column) => cellText(row[column])))];
  const widths = headers.map((_, column) => Math.max(...lines.map((line) => widthOf(line[column] ?? ''))));
  const last = headers.length - 1;
  return lines
    .map((line) => line.map((text, column) => (column === last ? text : padTo(text, widths[column] ?? 0))).join(GAP))
    .map((line) => `${line}\n`)
    .join('');
}

/** Names and values below each other, for one thing. Ends with a newline. */
export function renderFacts(facts: readonly (readonly [name: string, value: Cell])[]): string {
  const width = Math.max(...facts.map(([name]) => widthOf(name)));
  return facts.map(([name, value]) => `${padTo(`${name}:`, width + 1)}  ${cellText(value)}\n`).join('');
}

/** A value as one line of printable text: names come from other machines and must not drive the terminal. */
export function cellText(value: Cell): string {
  if (value === undefined || value === null || value === '') return '-';
  return printable(String(value));
}

/** Control characters made visible. Tabs and line ends are a space, since a cell is one line. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the point
  return text.replace(/[\t\r\n]+/g, ' ').replace(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, visible);
}

function visible(character: string): string {
  return `\\x${(character.codePointAt(0) ?? 0).toString(16).padStart(2, '0')}`;
}

function padTo(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - widthOf(text)));
}

const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;
const MARK = /\p{Mark}|\u200d/u;

/** Columns that a terminal gives to a text: East Asian wide characters take two, combining marks none. */
function widthOf(text: string): number {
  let width = 0;
  for (const character of text) width += MARK.test(character) ? 0 : WIDE.test(character) ? 2 : 1;
  return width;
}
