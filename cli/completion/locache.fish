# Completion of locache in fish: commands, their options, and files. What there is, the command
# itself says.
function __locache_commands
    locache --help 2>/dev/null | sed -n 's/^  \([a-z][a-z]*\)  *\(.*\)/\1\t\2/p'
end

function __locache_options
    set -l words (commandline -opc)
    locache $words[2] --help 2>/dev/null |
        sed -n 's/^  .*\(--[a-z-]*\)\( [A-Z]*\)\{0,1\}  *\(.*\)/\1\t\3/p'
end

complete -c locache -n '__fish_is_first_token' -f -a '(__locache_commands)'
complete -c locache -n 'not __fish_is_first_token; and string match -q -- "-*" (commandline -ct)' \
    -f -a '(__locache_options)'
complete -c locache -n '__fish_seen_subcommand_from ls' -s s -l sort -x \
    -a 'name size disk age used time count hits saved none'
