/* A terminal that is drawn on: another screen than the shell's, without echo, key by key; put back
 * as it was however the program ends. */
#include "top.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

/* The other screen, without a cursor; and the way back. */
#define ENTER "\x1b[?1049h\x1b[?25l"
#define LEAVE "\x1b[?25h\x1b[?1049l"
/* Signals that would end or stop the program, and leave the terminal as it is drawn on. They end a
 * write that waits for the terminal; the two others let it go on. */
static const int ending[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
#define ENDING (sizeof ending / sizeof *ending)

static struct termios before;
static bool drawn_on;                 /* the terminal is ours */
static volatile sig_atomic_t ended;   /* by which signal */
static volatile sig_atomic_t stopped; /* by Ctrl-Z */
static volatile sig_atomic_t anew;    /* its size is another */

static void take_terminal(void)
{
    struct termios own = before;
    own.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    own.c_cc[VMIN] = 0;
    own.c_cc[VTIME] = 0;
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &own);
    (void)!write(STDOUT_FILENO, ENTER, sizeof ENTER - 1);
    drawn_on = true;
}

static void give_terminal(void)
{
    if (!drawn_on)
        return;
    drawn_on = false;
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    (void)!write(STDOUT_FILENO, LEAVE, sizeof LEAVE - 1);
}

static void on_end(int number)
{
    ended = number;
}

static void on_resize(int number)
{
    (void)number;
    anew = 1;
}

static void on_stop(int number)
{
    (void)number;
    stopped = 1;
}

static void handle(int number, void (*handler)(int number), int flags)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = handler;
    action.sa_flags = flags;
    sigemptyset(&action.sa_mask);
    (void)sigaction(number, &action, NULL);
}

bool cli_screen_begin(void)
{
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) || tcgetattr(STDIN_FILENO, &before) != 0)
        return false;
    for (size_t i = 0; i < ENDING; i++)
        handle(ending[i], on_end, 0);
    handle(SIGWINCH, on_resize, SA_RESTART);
    handle(SIGTSTP, on_stop, SA_RESTART);
    take_terminal();
    return true;
}

void cli_screen_end(void)
{
    (void)fflush(stdout);
    give_terminal();
    if (ended != 0)
        clearerr(stdout); /* what the signal cut off is no fault of the terminal */
    /* Whoever waits for us learns by which signal we ended; Ctrl-C is a way to end like q. */
    if (ended != 0 && ended != SIGINT) {
        handle(ended, SIG_DFL, 0);
        (void)raise(ended);
    }
}

void cli_screen_size(unsigned *lines, unsigned *columns)
{
    struct winsize size = {.ws_row = 0};
    bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0;
    *lines = known ? size.ws_row : 24;
    *columns = known && size.ws_col > 0 ? size.ws_col : 80;
}

void cli_screen_home(void)
{
    fputs("\x1b[H", stdout);
}

void cli_screen_rest(void)
{
    fputs("\x1b[J", stdout);
    (void)fflush(stdout);
}

/* The shell gets its screen, and we ours when we go on. */
static void stop(void)
{
    stopped = 0;
    give_terminal();
    handle(SIGTSTP, SIG_DFL, 0);
    (void)raise(SIGTSTP);
    handle(SIGTSTP, on_stop, SA_RESTART);
    take_terminal();
}

/* Waits for a key. A signal ends the wait, or has ended it if it came since the last one: none
 * comes between the look and the wait. */
static int wait_for_key(struct pollfd *keys, int milliseconds)
{
    sigset_t ours;
    sigset_t all_others;
    struct timespec rest = {.tv_sec = milliseconds / 1000,
                            .tv_nsec = milliseconds % 1000 * INT32_C(1000000)};
    int found = -1;
    sigemptyset(&ours);
    sigaddset(&ours, SIGWINCH);
    sigaddset(&ours, SIGTSTP);
    for (size_t i = 0; i < ENDING; i++)
        sigaddset(&ours, ending[i]);
    (void)sigprocmask(SIG_BLOCK, &ours, &all_others);
    if (ended == 0 && !stopped && !anew)
        found = ppoll(keys, 1, &rest, &all_others);
    (void)sigprocmask(SIG_SETMASK, &all_others, NULL);
    return found;
}

int cli_screen_wait(int milliseconds)
{
    struct pollfd keys = {.fd = STDIN_FILENO, .events = POLLIN};
    char key = 0;
    int found = wait_for_key(&keys, milliseconds);
    if (ended != 0)
        return 'q';
    if (stopped) {
        stop();
        return ' ';
    }
    if (anew) {
        anew = 0;
        return ' ';
    }
    if (found <= 0)
        return 0;
    /* Nobody is there any more. */
    if (read(STDIN_FILENO, &key, 1) <= 0 && !(keys.revents & POLLIN))
        return 'q';
    if (keys.revents & (POLLHUP | POLLERR))
        return 'q';
    return key == 'q' || key == 'Q' || key == 4 ? 'q' : ' ';
}
