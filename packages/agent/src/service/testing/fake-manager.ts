import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Machine } from '../service.ts';

/** Writes down how it was called, one line a call, and answers as the test has laid down for its first word that is no flag. */
const PROGRAM = `#!/bin/sh
name=\${0##*/}
dir=\${0%/*}
printf '%s' "$name" >> "$dir/calls"
verb=
for word in "$@"; do
  printf ' %s' "$word" >> "$dir/calls"
  case $word in -*) ;; *) verb=\${verb:-$word} ;; esac
done
printf '\\n' >> "$dir/calls"
answer=$dir/$name-$verb
[ -f "$answer.out" ] && cat "$answer.out"
[ -f "$answer.err" ] && cat "$answer.err" >&2
[ -f "$answer.code" ] && exit "$(cat "$answer.code")"
exit 0
`;

const PROGRAMS = ['systemctl', 'systemd-notify', 'journalctl', 'loginctl', 'launchctl', 'tail'];

export interface FakeAnswer {
  readonly out?: string;
  readonly err?: string;
  readonly code?: number;
}

/** A machine whose service manager only writes down what it is asked for. */
export class FakeManager implements Disposable {
  readonly home = mkdtempSync(join(tmpdir(), 'hoop service '));
  readonly #bin = join(this.home, 'bin');

  constructor(programs: readonly string[] = PROGRAMS) {
    mkdirSync(this.#bin);
    for (const name of programs) writeFileSync(join(this.#bin, name), PROGRAM, { mode: 0o755 });
    this.answer('systemctl is-system-running', { out: 'running\n' });
    this.answer('loginctl show-user', { out: 'yes\n' });
  }

  machine(more: Partial<Machine> = {}): Machine {
    const env = { PATH: `${this.#bin}:/usr/bin:/bin` };
    return {
      platform: 'linux',
      uid: 1000,
      home: this.home,
      configHome: undefined,
      etc: join(this.home, 'etc'),
      isManaged: true,
      env,
      ...more,
    };
  }

  /** What a program answers from now on when it is asked for `program verb`. */
  answer(call: string, { out, err, code }: FakeAnswer): void {
    const [program, verb] = call.split(' ');
    const parts = { out, err, code: code === undefined ? undefined : String(code) };
    for (const [part, text] of Object.entries(parts)) {
      const path = join(this.#bin, `${program}-${verb}.${part}`);
      if (text === undefined) rmSync(path, { force: true });
      else writeFileSync(path, text);
    }
  }

  /** The calls since the last look, without those that only ask. */
  calls(): readonly string[] {
    const path = join(this.#bin, 'calls');
    const calls = existsSync(path) ? readFileSync(path, 'utf8').trimEnd().split('\n') : [];
    rmSync(path, { force: true });
    return calls.filter((call) => !/is-system-running|--version| show | show-user | print( |-)/.test(call));
  }

  [Symbol.dispose](): void {
    rmSync(this.home, { recursive: true, force: true });
  }
}
