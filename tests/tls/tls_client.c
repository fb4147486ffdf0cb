/* A TLS client for the tests: tls_client HOST PORT [OPTION...]. It prints one line for each thing
 * that happens, the last is what the library still holds. Options beside those of settings_take:
 *
 *   --text TEXT        sends TEXT and closes when as much has come back
 *   --bytes N the same with N bytes, in portions of --portion N (65536), --window N (8) of them at
 *   once --expect N closes when N bytes have come and all is sent; 0: does not wait for any --queue
 *   N sends N bytes in one send and closes at once --end ends its direction when all is sent, and
 *   goes on receiving --until-end closes when the peer does --no-read does not look at what comes
 *   --show prints what has come, up to 4000 bytes --close-early closes right after the call of
 *   connect --starttls begins without TLS: waits for a line, says STARTTLS, waits for a line,
 *   begins TLS --hold-starttls the same, but does not read what comes behind the line before TLS
 *   has begun --repeat N connects N times, one after the other --then-name NAME with --repeat: the
 *   server's name of the second and later connections --then-ca FILE with --repeat: what those
 *   trust --timeout MS of connect --keylog FILE the secrets of the connections go there
 *   --use-at-exit uses the library once more when the handlers of OpenSSL, if it had any, would
 *   have run --maps prints the libraries of the process at its end */
#include <stdlib.h>
#include <string.h>

#include "program.h"

static struct settings settings;
static socket_connect_options to = SOCKET_CONNECT_OPTIONS_INIT;
static const char *text, *keylog, *then_name, *then_ca;
static int64_t bytes, expect = -1, queue, portion = 65536, window = 8, repeat = 1;
static int end, until_end, no_read, close_early, starttls, hold_starttls, maps, show, use_at_exit;

struct connection {
    socket_handle socket, plain;
    struct stream in;
    char heard[4001];
    struct pump pump;
    int lines, drained;
};

/* Closes when as much has come as was asked for, and all has been sent. */
static void close_when_done(struct connection *c)
{
    if (!until_end && !end && c->in.size >= expect && (bytes == 0 || c->drained))
        socket_close(c->socket, NULL, NULL);
}

static void on_drained(struct pump *pump, int error)
{
    struct connection *c = pump->owner;

    c->drained = 1;
    stream_say("sent", &pump->out);
    if (error < 0)
        say_failure("unsent", c->socket, error);
    else if (end)
        socket_end(c->socket, NULL, NULL);
    else
        close_when_done(c);
}

static void on_message(const socket_event *e, void *user_data)
{
    struct connection *c = user_data;
    size_t heard = strlen(c->heard);

    if (show && heard + e->size < sizeof c->heard)
        memcpy(c->heard + heard, e->data, e->size);
    c->in.size += (int64_t)e->size;
    sha256_add(&c->in.hash, e->data, e->size);
    close_when_done(c);
}

static void on_end(const socket_event *e, void *user_data)
{
    (void)e, (void)user_data;
    say("end");
}

static void on_error(const socket_event *e, void *user_data)
{
    (void)user_data;
    say_failure("error", e->socket, e->error);
}

static void on_close(const socket_event *e, void *user_data)
{
    struct connection *c = user_data;

    for (char *p = c->heard; *p != '\0'; p++)
        if (*p == '\r' || *p == '\n')
            *p = '|';
    if (show)
        say("heard %s", c->heard);
    if (!no_read)
        stream_say("received", &c->in);
    say("closed code=%d", -e->error);
}

static void on_queue_closed(socket_handle socket, int error, void *user_data)
{
    (void)socket, (void)user_data;
    say("flushed code=%d", -error);
}

static void send_queue(struct connection *c)
{
    unsigned char *all = malloc((size_t)queue);

    stream_begin(&c->pump.out, 1, queue);
    stream_make(&c->pump.out, all, (size_t)queue);
    socket_send(c->socket, all, (size_t)queue, NULL, NULL);
    free(all);
    stream_say("sent", &c->pump.out);
    socket_close(c->socket, on_queue_closed, NULL);
}

static void on_connected(socket_handle socket, int error, void *user_data)
{
    struct connection *c = user_data;

    if (error < 0) {
        say_failure("failed", socket, error);
        socket_close(socket, NULL, NULL);
        return;
    }
    say_agreed("connected", socket);
    if (queue > 0) {
        send_queue(c);
    } else if (bytes > 0) {
        pump_start(&c->pump);
    } else if (text != NULL) {
        socket_send(socket, text, strlen(text), NULL, NULL);
    } else {
        close_when_done(c);
    }
}

static void prepare(struct connection *c)
{
    memset(c, 0, sizeof *c);
    stream_begin(&c->in, 0, 0);
    stream_begin(&c->pump.out, 1, bytes);
    c->pump.portion = (size_t)portion;
    c->pump.window = (int)window;
    c->pump.done = on_drained;
    c->pump.owner = c;
}

static void begin(struct connection *c)
{
    int result;

    c->pump.socket = c->socket;
    if (!no_read)
        socket_on(c->socket, SOCKET_EVENT_MESSAGE, on_message, c);
    socket_on(c->socket, SOCKET_EVENT_END, on_end, c);
    socket_on(c->socket, SOCKET_EVENT_ERROR, on_error, c);
    socket_on(c->socket, SOCKET_EVENT_CLOSE, on_close, c);
    result = socket_connect(c->socket, &to, on_connected, c);
    if (result < 0) {
        say_failure("refused", c->socket, result);
        socket_close(c->socket, NULL, NULL);
    } else if (close_early) {
        socket_close(c->socket, NULL, NULL);
    }
}

static void upgrade(struct connection *c)
{
    c->socket = socket_construct_tls_over(c->plain);
    if (c->socket < 0) {
        say("refused code=%d text=", (int)-c->socket);
        socket_close(c->plain, NULL, NULL);
        return;
    }
    socket_release(c->plain);
    begin(c);
}

static void on_command_sent(socket_handle plain, int error, void *user_data)
{
    (void)plain;
    if (error < 0)
        say("command code=%d", -error);
    else if (hold_starttls)
        upgrade(user_data);
}

static void on_plain_message(const socket_event *e, void *user_data)
{
    struct connection *c = user_data;

    say("line %.*s", (int)strcspn(e->data, "\r\n"), (const char *)e->data);
    if (c->lines++ > 0) {
        upgrade(c);
        return;
    }
    if (hold_starttls)
        socket_pause(e->socket);
    socket_send(e->socket, "STARTTLS\r\n", 10, on_command_sent, c);
}

static void on_plain_connected(socket_handle plain, int error, void *user_data)
{
    (void)user_data;
    if (error < 0)
        say_failure("failed", plain, error);
}

static void open_connection(struct connection *c)
{
    socket_connect_options plain = to;

    prepare(c);
    if (!starttls && !hold_starttls) {
        c->socket = socket_construct_tls();
        begin(c);
        return;
    }
    plain.tls = NULL;
    c->plain = socket_construct_tcp();
    socket_on(c->plain, SOCKET_EVENT_MESSAGE, on_plain_message, c);
    if (socket_connect(c->plain, &plain, on_plain_connected, c) < 0)
        say("plain connection refused");
}

/* Registered before the first use of the library, so called after whatever that has registered. */
static void use_again(void)
{
    static const char *const alpn[] = { "at-exit" };
    socket_handle socket = socket_construct_tls();
    int result;

    settings.tls.alpn_protocols = alpn;
    settings.tls.alpn_protocol_count = 1;
    result = socket_tls_set_secure_options(socket, &settings.tls);
    say_failure("used", socket, result);
    socket_release(socket);
}

static void say_maps(void)
{
    char line[1024];
    FILE *file = fopen("/proc/self/maps", "r");

    while (fgets(line, sizeof line, file) != NULL) {
        const char *path = strchr(line, '/');

        if (path != NULL && strstr(line, "r-xp") != NULL)
            say("mapped %.*s", (int)strcspn(path, "\n"), path);
    }
    fclose(file);
}

int main(int argc, char **argv)
{
    struct connection connection;

    if (argc < 3)
        return 2;
    to.address.address = argv[1];
    to.address.port = (int32_t)number(argv[2]);
    to.tls = &settings.tls;
    settings.tls = (socket_tls_options)SOCKET_TLS_OPTIONS_INIT;
    for (int i = 3; i < argc;) {
        const char *name = argv[i];
        struct {
            const char *name;
            int *flag;
        } flags[] = { { "--end", &end }, { "--until-end", &until_end }, { "--no-read", &no_read },
                      { "--close-early", &close_early }, { "--starttls", &starttls },
                      { "--hold-starttls", &hold_starttls }, { "--maps", &maps },
                      { "--use-at-exit", &use_at_exit },
                      { "--show", &show } };
        struct {
            const char *name;
            int64_t *number;
            const char **text;
        } values[] = { { "--text", NULL, &text }, { "--bytes", &bytes, NULL }, { "--expect", &expect, NULL },
                       { "--queue", &queue, NULL }, { "--portion", &portion, NULL }, { "--window", &window, NULL },
                       { "--repeat", &repeat, NULL }, { "--then-name", NULL, &then_name },
                       { "--then-ca", NULL, &then_ca }, { "--keylog", NULL, &keylog } };
        int known = settings_take(&settings, argv, &i);

        for (size_t k = 0; !known && k < sizeof flags / sizeof *flags; k++)
            if (strcmp(name, flags[k].name) == 0) {
                *flags[k].flag = known = 1;
                i++;
            }
        for (size_t k = 0; !known && argv[i + 1] != NULL && k < sizeof values / sizeof *values; k++)
            if (strcmp(name, values[k].name) == 0) {
                if (values[k].number != NULL)
                    *values[k].number = number(argv[i + 1]);
                else
                    *values[k].text = argv[i + 1];
                known = 1;
                i += 2;
            }
        if (!known && strcmp(name, "--timeout") == 0 && argv[i + 1] != NULL) {
            to.timeout_ms = (int32_t)number(argv[i + 1]);
            known = 1;
            i += 2;
        }
        if (!known) {
            fprintf(stderr, "%s: no such option\n", name);
            return 2;
        }
    }
    if (expect < 0)
        expect = bytes > 0 ? bytes : text != NULL ? (int64_t)strlen(text) : 0;
    if (use_at_exit)
        atexit(use_again);
    remember_start();
    if (keylog != NULL)
        say("keylog code=%d", -socket_tls_set_keylog(keylog));
    for (int64_t i = 0; i < repeat; i++) {
        if (i == 1 && then_name != NULL)
            settings.tls.server_name = then_name;
        if (i == 1 && then_ca != NULL) {
            settings.ca[0] = read_file(then_ca);
            settings.tls.ca_count = 1;
        }
        open_connection(&connection);
        socket_run();
        socket_release(connection.socket);
    }
    if (keylog != NULL)
        socket_tls_set_keylog(NULL);
    if (maps)
        say_maps();
    say_end();
    return 0;
}
