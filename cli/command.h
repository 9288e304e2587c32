/* What a subcommand is: one file each, one row each in main.c's table. */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include "options.h"

/* Exit codes, the same for all subcommands but `run`, whose own is the memoized command's. */
enum {
    CLI_DONE = 0,
    CLI_FOUND = 1,  /* what was asked for is not there, or what was looked at is not right */
    CLI_USAGE = 2,  /* the command line is wrong */
    CLI_FAILED = 3, /* something could not be done: no permission, no space, not trusted */
};

typedef struct cli_command {
    const char *name;
    const char *operands; /* of its usage line, as "[options] [CACHE...]" */
    const char *summary;  /* a line for `locache --help` */
    const char *about;    /* more, for its own --help; lines of at most 79 columns */
    const cli_option *options;
    size_t option_count;
    bool takes_all;          /* --all stands in the place of operands */
    bool first_operand_ends; /* what follows the first operand belongs to another command */
    int (*run)(cli_parse *parse);
} cli_command;

extern const cli_command cli_ls_command;
extern const cli_command cli_show_command;
extern const cli_command cli_explain_command;
extern const cli_command cli_stats_command;
extern const cli_command cli_report_command;
extern const cli_command cli_top_command_row;
extern const cli_command cli_verify_command;
extern const cli_command cli_rm_command;
extern const cli_command cli_reset_command;
extern const cli_command cli_gc_command;
extern const cli_command cli_export_command;
extern const cli_command cli_import_command;
extern const cli_command cli_run_command_row;

#endif
