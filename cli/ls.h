/* A listing's rows as they are printed: for people, and as JSON. */
#ifndef CLI_LS_H
#define CLI_LS_H

#include "json.h"
#include "rows.h"

typedef enum cli_level { CLI_CACHES, CLI_FUNCTIONS, CLI_ENTRIES } cli_level;

/* Column heads, on a terminal. */
void cli_ls_head(cli_level level);
/* A line; in a tree only the end of its path, with what is above it before the first. */
void cli_ls_line(cli_level level, const cli_row *row);
void cli_ls_tree(cli_level level, const cli_row *row, const cli_row *before);
void cli_ls_json(cli_json *json, cli_level level, const cli_row *row);

/* What codecs and statuses are called in JSON: "cbor", "damaged". */
const char *cli_codec_name(uint32_t codec);
const char *cli_status_name(int status);
/* Members that all JSON of entries has. */
void cli_json_place(cli_json *json, const cli_row *row);

#endif
