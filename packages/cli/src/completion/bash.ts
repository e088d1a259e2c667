import { type Choice, helpTopics, type Node } from './model.ts';

/** The completion script of bash 3.2 and later. */
export function bashScript(nodes: readonly Node[]): string {
  return `# bash completion for hoop. Load it with: source <(hoop completion bash)

_hoop() {
  local cur=\${COMP_WORDS[COMP_CWORD]} at='' flag='' word i=1 place=0 names=''
  COMPREPLY=()
  while [ "$i" -lt "$COMP_CWORD" ]; do
    word=\${COMP_WORDS[i]}
    flag=''
    case $word in
    --) return ;;
    =) ;;
    -*)
      case "$at $word" in
${indent(6, valueFlags(nodes))}
      esac
      # bash cuts --flag=value into three words
      if [ -n "$flag" ] && [ "\${COMP_WORDS[i + 1]}" = '=' ]; then i=$((i + 1)); fi
      if [ -n "$flag" ] && [ "$((i + 1))" -lt "$COMP_CWORD" ]; then i=$((i + 1)) flag=''; fi
      ;;
    *)
      case "$at/$word" in
${indent(6, children(nodes))}
      *) place=$((place + 1)) ;;
      esac
      ;;
    esac
    i=$((i + 1))
  done
  [ "$cur" = '=' ] && cur=''
  if [ -n "$flag" ]; then
    case "$at $flag" in
${indent(4, flagValues(nodes))}
    esac
  elif [ "\${cur#-}" != "$cur" ]; then
    case $at in
${indent(4, flagNames(nodes))}
    esac
  else
    case "$at:$place" in
${indent(4, places(nodes))}
    esac
  fi
  # shellcheck disable=SC2207
  [ -n "$names" ] && COMPREPLY=($(compgen -W "$names" -- "$cur"))
}

_hoop_ask() {
  "\${COMP_WORDS[0]}" __complete "$1" 2>/dev/null
}

complete -F _hoop hoop
`;
}

function valueFlags(nodes: readonly Node[]): readonly string[] {
  return nodes.flatMap((node) => {
    const names = node.flags.filter((flag) => flag.takesValue).flatMap((flag) => flag.names);
    return names.length === 0 ? [] : [`${names.map((name) => `'${node.path} ${name}'`).join(' | ')}) flag=$word ;;`];
  });
}

function children(nodes: readonly Node[]): readonly string[] {
  return nodes.flatMap((node) =>
    node.children.map((child) => {
      const words = child.names.map((name) => `'${node.path}/${name}'`).join(' | ');
      return `${words}) at='${`${node.path} ${child.names[0]}`.trim()}' ;;`;
    }),
  );
}

function flagValues(nodes: readonly Node[]): readonly string[] {
  return nodes.flatMap((node) =>
    node.flags.flatMap((flag) => {
      const answer = answerOf(flag.value, nodes);
      return answer === undefined ? [] : [`${flag.names.map((name) => `'${node.path} ${name}'`).join(' | ')}) ${answer} ;;`];
    }),
  );
}

function flagNames(nodes: readonly Node[]): readonly string[] {
  return nodes.map((node) => `'${node.path}') names='${node.flags.flatMap((flag) => flag.names).join(' ')}' ;;`);
}

function places(nodes: readonly Node[]): readonly string[] {
  return nodes.flatMap((node) => {
    if (node.children.length > 0) return [`'${node.path}:0') names='${node.children.map((child) => child.names[0]).join(' ')}' ;;`];
    return node.arguments.flatMap(({ choice, variadic }, place) => {
      const answer = answerOf(choice, nodes);
      return answer === undefined ? [] : [`'${node.path}:'${variadic ? '*' : place}) ${answer} ;;`];
    });
  });
}

function answerOf(choice: Choice, nodes: readonly Node[]): string | undefined {
  if (choice === undefined) return undefined;
  if ('words' in choice) return `names='${choice.words.join(' ')}'`;
  if (choice.completes === 'files') return 'COMPREPLY=($(compgen -f -- "$cur"))';
  if (choice.completes === 'commands') return `names='${helpTopics(nodes).join(' ')}'`;
  return `names=$(_hoop_ask ${choice.completes})`;
}

function indent(spaces: number, lines: readonly string[]): string {
  return lines.map((line) => ' '.repeat(spaces) + line).join('\n');
}
