# Files as arrays of lines in C: what a program carries with it.
#
#     awk -f embed.awk report.css report.js
#
# makes a source of cli_report_css[] and cli_report_js[], which end with NULL.
FNR == 1 {
    if (NR > 1)
        print "    NULL,\n};"
    else
        print "/* Made by embed.awk. */\n#include \"report.h\""
    name = FILENAME
    sub(/.*\//, "", name)
    gsub(/[^A-Za-z0-9]/, "_", name)
    print "const char *const cli_" name "[] = {"
}
# Letter by letter: how many backslashes gsub() takes for one is another number in each awk.
{
    line = ""
    for (n = 1; n <= length($0); n++) {
        letter = substr($0, n, 1)
        line = line (letter == "\\" || letter == "\"" ? "\\" letter : letter)
    }
    print "    \"" line "\\n\","
}
END { print "    NULL,\n};" }
