# Completion of locache in bash: commands, their options, and files. What options there are, the
# command itself says.
_locache()
{
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} offered=
    COMPREPLY=()
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
