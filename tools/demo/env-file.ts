/** What is handed to a person's shell, in the order in which it is written. */
export type Variables = Readonly<Record<string, string>>;

/** Characters that mean nothing to a shell in an assignment: such a value needs no quotes, and other readers of the file are spared them. */
const PLAIN = /^[A-Za-z0-9_@%+=:,./?-]+$/;

/** A value as a word of sh. */
export function quote(value: string): string {
  return PLAIN.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`;
}

/** A file that sh, bash, zsh and dash can source: assignments, exported, and a directory in front of PATH. */
export function envFile(variables: Variables, binDirectory: string): string {
  const lines = Object.entries(variables).map(([name, value]) => `${name}=${quote(value)}`);
  const bin = quote(binDirectory);
  return [
    '# Written by npm start; read it with:  . this-file',
    ...lines,
    `export ${Object.keys(variables).join(' ')}`,
    `case ":$PATH:" in *:${bin}:*) ;; *) PATH=${bin}:$PATH ;; esac`,
    '',
  ].join('\n');
}
