# Completion of locache in bash: commands, their options, and files. What options there are, the
# command itself says.
_locache()
{
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} offered= n
    COMPREPLY=()
    # What is behind `locache run --` is another command's.
    for ((n = 2; n < COMP_CWORD; n++)); do
        [ "${COMP_WORDS[1]} ${COMP_WORDS[n]}" = 'run --' ] || continue
        if declare -F _command_offset >/dev/null; then
            _command_offset $((n + 1))
        elif [ "$COMP_CWORD" -eq $((n + 1)) ]; then
            mapfile -t COMPREPLY < <(compgen -c -- "$word")
        else
            compopt -o filenames 2>/dev/null
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
        fi
        return
    done
    if [ "$COMP_CWORD" -eq 1 ]; then
        offered=$("${COMP_WORDS[0]}" --help 2>/dev/null | sed -n 's/^  \([a-z][a-z]*\)  .*/\1/p')
        offered="$offered help --help --version"
    elif [ "$before" = --sort ] || [ "$before" = -s ] && [ "${COMP_WORDS[1]}" = ls ]; then
        offered='name size disk age used time count hits saved none'
    elif [ "${word#-}" != "$word" ]; then
        offered=$("${COMP_WORDS[0]}" "${COMP_WORDS[1]}" --help 2>/dev/null |
            sed -n 's/^  .*\(--[a-z-]*\).*/\1/p')
    fi
    if [ -n "$offered" ]; then
        mapfile -t COMPREPLY < <(compgen -W "$offered" -- "$word")
    else
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
    fi
}
complete -F _locache locache
