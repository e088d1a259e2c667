/**
 * What of a session's start decides how its statements are read, or as whom they run, as the SET that would do the same. What is as usual
 * is left out. (PostgreSQL 17, sections 19.1.3 and 54.2.1)
 * @param options the client's parameters, with its `options` among them
 * @param statuses what the server says of its settings after the login, whoever set them
 */
export function startedWith(options: Readonly<Record<string, string>>, statuses: ReadonlyMap<string, string>): readonly string[] {
  const settings = new Map<string, string>();
  for (const [name, value] of Object.entries(options)) {
    const known = name.toLowerCase().replaceAll('-', '_');
    if (known === 'options') for (const [each, given] of inSwitches(value)) settings.set(each, given);
    else if (WATCHED.test(known)) settings.set(known, value);
  }
  // The server's word counts, where it gives it.
  const strings = statuses.get('standard_conforming_strings');
  const encoding = statuses.get('client_encoding');
  if (strings !== undefined && strings !== 'on') settings.set('standard_conforming_strings', strings);
  if (encoding !== undefined && AMBIGUOUS.has(encoding.toUpperCase())) settings.set('client_encoding', encoding);
  return [...settings].map(([name, value]) => `SET ${name} TO '${value.replaceAll("'", "''")}'`);
}

const WATCHED = /^(backslash_quote|role|session_authorization)$/;

/**
 * Encodings that only clients have: in them a letter may end with the byte of a quote or a backslash. Those that a server can store are
 * read as they look, as far as ASCII goes. (PostgreSQL 17, section 23.3.1)
 */
const AMBIGUOUS: ReadonlySet<string> = new Set(['BIG5', 'GB18030', 'GBK', 'JOHAB', 'SHIFT_JIS_2004', 'SJIS', 'UHC']);

/** `-c name=value --name=value`, split at blanks as the server does it, where a backslash takes the next character as it is. */
function* inSwitches(text: string): Generator<readonly [name: string, value: string]> {
  for (const word of text.match(/(?:\\[\s\S]|[^\s\\])+/g) ?? []) {
    const plain = word.replace(/\\([\s\S])/g, '$1');
    const found = /(?:^|-|c)(backslash[-_]quote|role|session[-_]authorization)=([\s\S]*)$/i.exec(plain);
    if (found) yield [(found[1] ?? '').toLowerCase().replaceAll('-', '_'), found[2] ?? ''];
  }
}
