/* A member of a multicast group: prints what is said in the group, or says something itself.
 *
 *   multicast_peer 239.255.0.1 5678 lo                  listens, until SIGINT or SIGTERM
 *   multicast_peer 239.255.0.1 5678 lo "Hello, group!"  says it, and ends
 *
 * Any number of them may have the same group and port. */
#include "example.h"

#include <net/if.h>

static const char help[] =
    "multicast_peer GROUP PORT INTERFACE [TEXT]\n"
    "Joins a group on an interface and prints what is said in it, or sends TEXT to the group.";

static void on_datagram(const socket_event *e, void *user_data)
{
    (void) user_data;
    printf("%s port %d: ", e->remote.address, (int) e->remote.port);
    print_text(e->data, e->size);
    fflush(stdout);
}

static void on_sent(socket_handle peer, int error, void *user_data)
{
    (void) user_data;
    if (error < 0)
        report("send", error);
    socket_close(peer, NULL, NULL);
}

/* Sending needs no membership, only a port and an interface. */
static void say(socket_handle peer, const socket_address *group, const char *interface, const char *text)
{
    socket_address any = { strchr(group->address, ':') ? "::" : "0.0.0.0", 0, 0 };

    check("interface", socket_set_option(peer, SOCKET_OPTION_MULTICAST_INTERFACE, if_nametoindex(interface)));
    check("bind", socket_bind(peer, &any));
    check("send", socket_send_to(peer, group, text, strlen(text), on_sent, NULL));
    check("run", socket_run());
}

int main(int argc, char **argv)
{
    socket_multicast_group group = SOCKET_MULTICAST_GROUP_INIT;
    socket_handle peer;
    sigset_t signals;

    check_arguments(argc, argv, 3, 4, help);
    group.address = parse_address(argv[1], argv[2]);
    group.interface = argv[3];
    if (argc == 4)
        signals = block_stop_signals();

    peer = check("construct", socket_construct_multicast());
    if (argc == 5) {
        say(peer, &group.address, argv[3], argv[4]);
        return socket_release(peer);
    }
    check("on", socket_on(peer, SOCKET_EVENT_MESSAGE, on_datagram, NULL));
    check("on", socket_on(peer, SOCKET_EVENT_LISTENING, on_listening, NULL));
    check("join", socket_join_group(peer, &group));
    wait_for_stop(&signals);
    return 0;
}
