// Many plain connections of one process, run by epoll: clients that expect an echo, or a server
// that makes it. To be used inside a helper.
#ifndef OHSOCKET_SOAK_PLAIN_PEERS_H
#define OHSOCKET_SOAK_PLAIN_PEERS_H

enum {
    ADDRESSES = 16, // of 127/8, so that no pair of addresses runs out of ports
    PAYLOAD = 64,
};

// plain_serve runs in a helper; these are its orders.
enum {
    PEERS_CONNECT_TO = 'p', // argument: a port; the clients of the next order go there
    // that many clients more, each of which has been echoed when the answer comes
    PEERS_CONNECT = 'c',
    PEERS_LISTEN = 'l',     // answers the port of a server
    // the server has made that many echoes, since it began, when the answer comes
    PEERS_ECHO = 'e',
    PEERS_CLOSE = 'x',      // closes one connection of that many: 1 all, 2 every second
    // all connections have ended when the answer comes: the number that the other side has ended
    PEERS_GONE = 'g',
};
int plain_serve(char order, int argument);

#endif
