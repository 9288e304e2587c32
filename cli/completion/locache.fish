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

# What is behind `locache run --` is another command's.
function __locache_is_behind
    set -l words (commandline -opc)
    test "$words[2]" = run; and contains -- -- $words
end

function __locache_command
    set -l words (commandline -opc)
    set -l rest $words[(math (contains -i -- -- $words) + 1)..]
    complete -C (string join ' ' -- (string escape -- $rest) (commandline -ct))
end

complete -c locache -n __locache_is_behind -x -a '(__locache_command)'
complete -c locache -n '__fish_is_first_token' -f -a '(__locache_commands)'
complete -c locache -f \
    -n 'not __fish_is_first_token; and not __locache_is_behind; and string match -q -- "-*" (commandline -ct)' \
    -a '(__locache_options)'
complete -c locache -n '__fish_seen_subcommand_from ls' -s s -l sort -x \
    -a 'name size disk age used time count hits saved none'
