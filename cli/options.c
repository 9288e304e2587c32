/* The parser of options that all subcommands share, and the help that is made from their tables. */
#include "options.h"
#include "command.h"
#include "print.h"

#include <stdio.h>
#include <string.h>

/* ---------------------------------------------------------------------------------- suggestions */

/* Words of the command line that are longer are no misspelt names of ours. */
#define WORD_MAX 32

static size_t least(size_t a, size_t b, size_t c)
{
    size_t less = a < b ? a : b;
    return less < c ? less : c;
}

/* Levenshtein's distance; SIZE_MAX where a word is too long to be one of ours. */
static size_t distance(const char *a, const char *b)
{
    size_t row[WORD_MAX + 1];
    size_t width = strlen(b);
    if (strlen(a) > WORD_MAX || width > WORD_MAX)
        return SIZE_MAX;
    for (size_t j = 0; j <= width; j++)
        row[j] = j;
    for (size_t i = 0; a[i] != '\0'; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < width; j++) {
            size_t above = row[j + 1];
            row[j + 1] = least(above + 1, row[j] + 1, diagonal + (a[i] != b[j]));
            diagonal = above;
        }
    }
    return row[width];
}

const char *cli_nearest(const char *word, const char *(*next)(void *context), void *context)
{
    const char *nearest = NULL;
    /* A third of the letters wrong: beyond, any short word is near any other. */
    size_t best = strlen(word) / 3 + 2;
    for (const char *known = next(context); known != NULL; known = next(context)) {
        size_t far =
            word[0] != '\0' && strncmp(known, word, strlen(word)) == 0 ? 1 : distance(word, known);
        if (far < best) {
            best = far;
            nearest = known;
        }
    }
    return nearest;
}

/* ---------------------------------------------------------------------------------------- parse */

static const cli_option help_option = {'h', "help", NULL, "print this, and end"};
static const cli_option all_option = {'a', "all", NULL, "every cache of yours, wherever it is"};

void cli_parse_begin(cli_parse *parse, const struct cli_command *command, int argc, char **argv)
{
    *parse = (cli_parse){.command = command, .argc = argc, .argv = argv};
}

static const cli_option *option_at(const cli_parse *parse, size_t n)
{
    if (n < parse->command->option_count)
        return &parse->command->options[n];
    if (n == parse->command->option_count)
        return &help_option;
    return n == parse->command->option_count + 1 && parse->command->takes_all ? &all_option : NULL;
}

typedef struct walk {
    const cli_parse *parse;
    size_t at;
} walk;

static const char *next_name(void *context)
{
    walk *in = context;
    const cli_option *option = option_at(in->parse, in->at++);
    return option != NULL ? option->name : NULL;
}

static int refuse(const cli_parse *parse, const char *dashes, const char *word)
{
    walk in = {.parse = parse};
    const char *near = dashes[1] != '\0' ? cli_nearest(word, next_name, &in) : NULL;
    if (near != NULL)
        cli_error("%s has no option %s%.99s: did you mean --%s?", parse->command->name, dashes,
                  word, near);
    else
        cli_error("%s has no option %s%.99s: see locache %s --help", parse->command->name, dashes,
                  word, parse->command->name);
    return CLI_OPTIONS_BAD;
}

static int answer(cli_parse *parse, size_t n)
{
    if (n < parse->command->option_count)
        return (int)n;
    if (n > parse->command->option_count) {
        parse->all = true;
        return cli_parse_next(parse);
    }
    cli_help(parse->command);
    return CLI_OPTIONS_HELP;
}

/* The option that a name, or an unambiguous beginning of one, stands for; SIZE_MAX: none. */
static size_t find_long(const cli_parse *parse, const char *word, size_t size)
{
    size_t found = SIZE_MAX;
    const cli_option *option;
    for (size_t n = 0; (option = option_at(parse, n)) != NULL; n++) {
        if (strncmp(option->name, word, size) != 0)
            continue;
        if (option->name[size] == '\0')
            return n;
        if (found != SIZE_MAX)
            return SIZE_MAX;
        found = n;
    }
    return found;
}

static int take_long(cli_parse *parse, char *word)
{
    char *equals = strchr(word, '=');
    size_t size = equals != NULL ? (size_t)(equals - word) : strlen(word);
    size_t n = find_long(parse, word, size);
    if (n == SIZE_MAX) {
        if (equals != NULL)
            *equals = '\0';
        return refuse(parse, "--", word);
    }
    const cli_option *option = option_at(parse, n);
    if (option->value == NULL && equals != NULL) {
        cli_error("--%s takes no value", option->name);
        return CLI_OPTIONS_BAD;
    }
    parse->value = equals != NULL ? equals + 1 : NULL;
    if (option->value == NULL || equals != NULL)
        return answer(parse, n);
    if (parse->at == parse->argc) {
        cli_error("--%s needs a value: --%s %s", option->name, option->name, option->value);
        return CLI_OPTIONS_BAD;
    }
    parse->value = parse->argv[parse->at++];
    return answer(parse, n);
}

static int take_letter(cli_parse *parse)
{
    const char letter[2] = {*parse->in++, '\0'};
    const cli_option *option;
    size_t n = 0;
    while ((option = option_at(parse, n)) != NULL && option->letter != letter[0])
        n++;
    if (option == NULL)
        return refuse(parse, "-", letter);
    parse->value = NULL;
    if (option->value != NULL) {
        /* What is left of the word, or the next word. */
        if (*parse->in != '\0') {
            parse->value = parse->in;
        } else if (parse->at < parse->argc) {
            parse->value = parse->argv[parse->at++];
        } else {
            cli_error("-%s needs a value: -%s %s", letter, letter, option->value);
            return CLI_OPTIONS_BAD;
        }
        parse->in = NULL;
    } else if (*parse->in == '\0') {
        parse->in = NULL;
    }
    return answer(parse, n);
}

int cli_parse_next(cli_parse *parse)
{
    if (parse->in != NULL)
        return take_letter(parse);
    while (parse->at < parse->argc) {
        char *word = parse->argv[parse->at++];
        /* "-" alone is an operand: standard input, by custom. */
        if (parse->ended || word[0] != '-' || word[1] == '\0') {
            parse->argv[parse->operands++] = word;
            parse->ended = parse->ended || parse->command->first_operand_ends;
        } else if (word[1] != '-') {
            parse->in = word + 1;
            return take_letter(parse);
        } else if (word[2] == '\0') {
            parse->ended = true;
        } else {
            return take_long(parse, word + 2);
        }
    }
    if (parse->all && parse->operands > 0) {
        cli_error("--all is every cache of yours: leave out either --all or %.999s",
                  parse->argv[0]);
        return CLI_OPTIONS_BAD;
    }
    return CLI_OPTIONS_END;
}

int cli_parse_ended(int answer)
{
    if (answer == CLI_OPTIONS_END)
        return -1;
    return answer == CLI_OPTIONS_HELP ? CLI_DONE : CLI_USAGE;
}

/* ----------------------------------------------------------------------------------------- help */

/* The column at which what an option does begins. */
#define HELP_COLUMN 26

static void help_of(const cli_option *option)
{
    int width = option->letter != '\0' ? printf("  -%c, ", option->letter) : printf("      ");
    width += printf("--%s", option->name);
    if (option->value != NULL)
        width += printf(" %s", option->value);
    printf("%*s%s\n", width < HELP_COLUMN ? HELP_COLUMN - width : 2, "", option->help);
}

void cli_help(const struct cli_command *command)
{
    printf("usage: locache %s %s\n\n%s\n\n", command->name, command->operands, command->about);
    for (size_t n = 0; n < command->option_count; n++)
        help_of(&command->options[n]);
    if (command->takes_all)
        help_of(&all_option);
    help_of(&help_option);
}
