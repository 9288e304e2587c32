# Writes the manual page of every public function from the headers' own text: their declarations,
# and the comments before them.
#
#     awk -f functions.awk HEADER... >locache_functions.3
#
# A comment belongs to the declarations that follow it up to the next one; one that begins with a
# line of dashes is a section's. What programs call by macros alone is left out.

# A text line of mdoc: no request, no escape.
function text(line) {
    gsub(/\\/, "\\e", line)
    if (line ~ /^[.']/) line = "\\&" line
    return line
}

# A section's heading, where it has a function or says something.
function head() {
    body = body heading
    heading = ""
}

# Paragraphs of a comment, and the items of its lists; code, which is indented, stays as it is.
function prose(comment,    count, lines, i, code) {
    count = split(comment, lines, "\n")
    head()
    body = body ".Pp\n"
    for (i = 1; i <= count; i++) {
        if ((lines[i] ~ /^    /) != code && lines[i] != "") {
            code = !code
            body = body (code ? ".Bd -literal\n" : ".Ed\n.Pp\n")
        }
        if (!code) sub(/^ +/, "", lines[i])
        if (lines[i] ~ /^([0-9]+\.|-) / && i > 1 && lines[i - 1] != "") body = body ".Pp\n"
        if (lines[i] != "") body = body text(lines[i]) "\n"
        else if (!code && i < count && lines[i + 1] !~ /^    /) body = body ".Pp\n"
    }
    if (code) body = body ".Ed\n"
}

# `type *name(first, second);` as .Ft and .Fn.
function declare(line,    name, arguments, type, i, depth, c, one) {
    gsub(/LOCACHE_API|LOCACHE_CHECK/, "", line)
    gsub(/[ \t]+/, " ", line)
    sub(/^ /, "", line)
    i = index(line, "(")
    type = substr(line, 1, i - 1)
    arguments = substr(line, i + 1)
    sub(/\) ?;$/, "", arguments)
    match(type, /[A-Za-z0-9_]+$/)
    name = substr(type, RSTART)
    type = substr(type, 1, RSTART - 1)
    sub(/ $/, "", type)
    if (name ~ /^locache_(call_|function_(begin|end|reset)$)/) return
    names[++count_of_names] = name
    head()
    if (!declared) body = body ".Pp\n"
    body = body ".Ft " type "\n.Fn " name
    depth = 0
    one = ""
    for (i = 1; i <= length(arguments); i++) {
        c = substr(arguments, i, 1)
        if (c == "(") depth++
        if (c == ")") depth--
        if (c == "," && depth == 0) {
            body = body " \"" one "\""
            one = ""
        } else if (!(c == " " && one == "")) {
            one = one c
        }
    }
    body = body " \"" one "\"\n"
    declared = 1
}

function flush_comment() {
    if (declared && comment != "") prose(comment)
    declared = 0
}

# The comment ends: of a section, or of what follows.
function end_comment() {
    flush_comment()
    comment = said
    if (said ~ /^-+ /) {
        sub(/^-+ /, "", said)
        heading = said
        sub(/\n.*/, "", heading)
        sub(/^[^\n]*\n?\n?/, "", said)
        heading = ".Ss " toupper(substr(heading, 1, 1)) substr(heading, 2) "\n"
        if (said != "") prose(said)
        comment = ""
    }
}

BEGIN {
    print ".Dd November 26, 2026"
    print ".Dt LOCACHE_FUNCTIONS 3"
    print ".Os"
}

# Comments first: none is on a line with a declaration of a function.
!in_comment && !in_declaration && /^\/\*/ {
    in_comment = 1
    said = ""
    sub(/^\/\* ?/, "")
    sub(/^ */, "")
    started = 1
}
in_comment {
    line = $0
    if (!started) { sub(/^ \* ?/, "", line); sub(/^ \*\/$/, "", line) }
    started = 0
    ends = line ~ /\*\/ *$/ || $0 ~ /^ \*\/$/
    sub(/ *\*\/ *$/, "", line)
    said = said (said == "" ? "" : "\n") line
    if (ends) { in_comment = 0; end_comment() }
    next
}
/^LOCACHE_API/ { in_declaration = 1; declaration = "" }
in_declaration {
    declaration = declaration " " $0
    if (/;$/) { in_declaration = 0; declare(declaration) }
    next
}
# Anything else between ends what the comment was about.
/^[^ }]/ && !/^#/ { flush_comment(); comment = "" }

END {
    flush_comment()
    print ".Sh NAME"
    for (i = 1; i <= count_of_names; i++) print ".Nm " names[i] (i < count_of_names ? " ," : "")
    print ".Nd what each function of liblocache does"
    print ".Sh LIBRARY"
    print "Persistent memoization (liblocache, \\-llocache)"
    print ".Sh SYNOPSIS"
    print ".In locache.h"
    print ".Sh DESCRIPTION"
    print "As the headers say it; the shape of the whole is in"
    print ".Xr locache 3 ."
    printf "%s", body
    print ".Sh SEE ALSO"
    print ".Xr locache 3"
}
