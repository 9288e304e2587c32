/* Options of a command line, as getopt_long() takes them: -a, -n 3, -n3, --all, --size 3, --size=3,
 * `--` ends them. One table serves the parser, --help and the completion files' test. */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

typedef struct cli_option {
    char letter;       /* 0: it has none */
    const char *name;  /* without its dashes */
    const char *value; /* what its value is called in --help; NULL: it takes none */
    const char *help;
} cli_option;

struct cli_command;

/* A command line that is being read. Operands are moved to the front of argv. */
typedef struct cli_parse {
    const struct cli_command *command;
    int argc;
    char **argv;
    int at;       /* the next word to be looked at */
    int operands; /* how many were found so far: argv[0 .. operands) */
    bool ended;   /* all that follows are operands */
    char *in;     /* within a word of several letters: the next of them */
    char *value;  /* of the option that was returned last */
    bool all;     /* --all was given */
} cli_parse;

enum {
    CLI_OPTIONS_END = -1,
    CLI_OPTIONS_BAD = -2,  /* said on stderr: end with CLI_USAGE */
    CLI_OPTIONS_HELP = -3, /* help was printed: end with CLI_DONE */
};

/* argv without the command's own name. */
void cli_parse_begin(cli_parse *parse, const struct cli_command *command, int argc, char **argv);
/* The next option, as its index in the command's table, parse->value set where it has one; or one
 * of the above. --help is known to every command, and --all to those that say so. At the end
 * argv[0 .. operands) are the operands, in their order. */
int cli_parse_next(cli_parse *parse);
/* The exit code that one of the negative answers asks for; -1 for CLI_OPTIONS_END: go on. */
int cli_parse_ended(int answer);

/* The usage line of a command, its options, and what it does. */
void cli_help(const struct cli_command *command);

/* The nearest of the words there are to one that is none of them, by letters that are to be put in,
 * left out or exchanged; NULL where none is near. next(context) gives one after
 * the other, NULL at the end. */
const char *cli_nearest(const char *word, const char *(*next)(void *context), void *context);

#endif
