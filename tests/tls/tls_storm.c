/* Ends in the middle of handshakes: tls_storm HOST PORT CA COUNT MICROSECONDS begins COUNT
 * connections at once, and one more for each that is done; then, whatever is going on, the process
 * ends. MICROSECONDS 0: when its standard input does. */
#define _GNU_SOURCE /* usleep */
#include <stdlib.h>
#include <unistd.h>

#include "program.h"

static socket_connect_options to = SOCKET_CONNECT_OPTIONS_INIT;

static void begin(void);

static void on_connected(socket_handle socket, int error, void *user_data)
{
    (void)error, (void)user_data;
    socket_release(socket);
    begin();
}

static void begin(void) { socket_connect(socket_construct_tls(), &to, on_connected, NULL); }

int main(int argc, char **argv)
{
    static socket_tls_options tls = SOCKET_TLS_OPTIONS_INIT;
    static const char *ca[1];

    if (argc != 6)
        return 2;
    ca[0] = read_file(argv[3]);
    tls.ca = ca;
    tls.ca_count = 1;
    tls.no_session_resumption = 1;
    to.tls = &tls;
    to.address.address = argv[1];
    to.address.port = (int32_t)number(argv[2]);
    for (int64_t i = number(argv[4]); i > 0; i--)
        begin();
    if (number(argv[5]) > 0)
        usleep((useconds_t)number(argv[5]));
    else
        while (getchar() != EOF)
            continue;
    exit(0);
}
