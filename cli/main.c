/* The command `locache`: finds the subcommand that its first word names, and hands over. */
#include "command.h"
#include "limit.h"
#include "locache.h"
#include "print.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* In the order in which --help shows them: what looks, then what changes. */
static const cli_command *const commands[] = {
    &cli_ls_command,
    &cli_show_command,
    &cli_explain_command,
    &cli_stats_command,
    &cli_report_command,
    &cli_top_command_row,
    &cli_verify_command,
    &cli_rm_command,
    &cli_reset_command,
    &cli_gc_command,
    &cli_export_command,
    &cli_import_command,
    &cli_run_command_row,
    /* the end */
    NULL,
};

static const cli_command *find(const char *name)
{
    for (size_t n = 0; commands[n] != NULL; n++)
        if (strcmp(commands[n]->name, name) == 0)
            return commands[n];
    return NULL;
}

static const char *next_command(void *context)
{
    const cli_command *command = commands[(*(size_t *)context)++];
    return command != NULL ? command->name : NULL;
}

static int unknown(const char *word)
{
    size_t at = 0;
    const char *near = cli_nearest(word, next_command, &at);
    if (near != NULL)
        cli_error("there is no command '%.99s': did you mean '%s'?", word, near);
    else
        cli_error("there is no command '%.99s': see locache --help", word);
    return CLI_USAGE;
}

static void help(void)
{
    puts("usage: locache COMMAND [options] [CACHE...]\n\n"
         "Results of functions that locache keeps: what is there, and what should go.\n");
    for (size_t n = 0; commands[n] != NULL; n++)
        printf("  %-10s%s\n", commands[n]->name, commands[n]->summary);
    puts("\nA CACHE is a *.cache directory, a source file (foo.py), one of its functions\n"
         "(foo.py:my_func), or the file of one result; without any, all that are below\n"
         "the working directory; --all is every cache of yours.\n\n"
         "  locache COMMAND --help   what a command does, and its options\n"
         "  locache --version        the version\n\n"
         "Exit status: 0 done; 1 not there, or not right; 2 the command line is wrong;\n"
         "3 something could not be done.");
}

/* `locache help ls` is `locache ls --help`. */
static int help_on(int argc, char **argv)
{
    if (argc == 0) {
        help();
        return CLI_DONE;
    }
    const cli_command *command = find(argv[0]);
    if (command == NULL)
        return unknown(argv[0]);
    cli_help(command);
    return CLI_DONE;
}

static int dispatch(int argc, char **argv)
{
    cli_parse parse;
    const char *word = argc > 1 ? argv[1] : "";
    if (argc < 2) {
        help();
        return CLI_USAGE;
    }
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0)
        return help_on(argc - 2, argv + 2);
    if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0) {
        printf("locache %s\n", locache_version());
        return CLI_DONE;
    }
    if (word[0] == '-') {
        cli_error("'%.99s' stands before the command: locache COMMAND [options]", word);
        return CLI_USAGE;
    }
    const cli_command *command = find(word);
    if (command == NULL)
        return unknown(word);
    cli_parse_begin(&parse, command, argc - 2, argv + 2);
    return command->run(&parse);
}

int main(int argc, char **argv)
{
    cli_limit_ignore();
    int code = dispatch(argc, argv);
    /* A listing that could not be written is none: a full disk is an error. Who closed the pipe
     * knows that he did. */
    if ((fflush(stdout) != 0 || ferror(stdout)) && code == CLI_DONE) {
        if (errno != EPIPE)
            cli_error("cannot write to standard output: %s", strerror(errno));
        return CLI_FAILED;
    }
    return code;
}
