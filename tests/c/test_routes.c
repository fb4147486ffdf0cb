// What routes and ICMP say, in a network of the test's own: ADDR-8, DONE-8, ORDER-6, DATA-11.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/udp.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "peer.h"
#include "probe.h"

enum { NO_NETWORK = 125 };

// Routes TYPE of 10.TYPE.0.0/16.
static void add_route(int netlink, int type)
{
    struct {
        struct nlmsghdr header;
        struct rtmsg route;
        struct rtattr attribute;
        unsigned char destination[4];
    } m = {
        .header = {.nlmsg_len = sizeof m, .nlmsg_type = RTM_NEWROUTE, .nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_ACK},
        .route = {.rtm_family = AF_INET, .rtm_dst_len = 16, .rtm_table = RT_TABLE_MAIN, .rtm_protocol = RTPROT_STATIC,
                  .rtm_scope = RT_SCOPE_UNIVERSE, .rtm_type = (unsigned char)type},
        .attribute = {.rta_len = RTA_LENGTH(4), .rta_type = RTA_DST},
        .destination = {10, (unsigned char)type, 0, 0},
    };
    struct {
        struct nlmsghdr header;
        struct nlmsgerr error;
        char rest[512];
    } answer;
    CHECK_EQ(send(netlink, &m, sizeof m, 0), (ssize_t)sizeof m);
    CHECK(recv(netlink, &answer, sizeof answer, 0) > 0);
    CHECK_EQ(answer.error.error, 0);
}

static void build_network(void)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    struct ifreq r = {.ifr_name = "lo"};
    r.ifr_flags = IFF_UP | IFF_RUNNING;
    CHECK_EQ(ioctl(fd, SIOCSIFFLAGS, &r), 0);
    add_route(netlink, RTN_BLACKHOLE);
    add_route(netlink, RTN_PROHIBIT);
    add_route(netlink, RTN_UNREACHABLE);
    close(netlink);
    close(fd);
}

// Runs a child in a network namespace: as root, or as root of a user namespace.
static void in_network(const char *child)
{
    pid_t pid = fork(); // and nothing of the library until exec
    CHECK(pid >= 0);
    if (pid == 0) {
        if (unshare(CLONE_NEWNET) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) _exit(NO_NETWORK);
        execl("/proc/self/exe", "test_routes", child, (char *)NULL);
        _exit(1);
    }
    int status = wait_child(pid);
    if (status == NO_NETWORK) printf("the system allows no network namespace: not tried\n");
    else CHECK_EQ(status, 0);
}

static int category(int error) { return error == 0 ? 0 : socket_error_category(error); }

CHILD(child_has_routes)
{
    static const struct {
        int type, code;
    } cases[] = {{RTN_BLACKHOLE, -2301113}, {RTN_PROHIBIT, -2301013}, {RTN_UNREACHABLE, -2301113}};
    build_network();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char where[32];
        snprintf(where, sizeof where, "10.%d.0.1", cases[i].type);
        for (int kind = SOCKET_KIND_TCP; kind <= SOCKET_KIND_UDP; kind++) {
            if (kind != SOCKET_KIND_TCP && kind != SOCKET_KIND_UDP) continue;
            struct probe *p = probe_new(kind);
            socket_connect_options o = SOCKET_CONNECT_OPTIONS_INIT;
            o.address = address_of(where, 9, 0);
            CHECK_EQ(socket_connect(p->socket, &o, probe_completion(SOCKET_OPERATION_CONNECT), p), 0);
            WAIT(p->done[SOCKET_OPERATION_CONNECT] == 1);
            CHECK_EQ(p->done_error[SOCKET_OPERATION_CONNECT], cases[i].code);
            probe_release(p);
        }
        struct probe *p = probe_new(SOCKET_KIND_UDP);
        probe_bind(p);
        socket_address to = address_of(where, 9, 0);
        CHECK_EQ(socket_send_to(p->socket, &to, "x", 1, probe_completion(SOCKET_OPERATION_SEND), p), 0);
        WAIT(p->done[SOCKET_OPERATION_SEND] == 1);
        CHECK_EQ(p->done_error[SOCKET_OPERATION_SEND], cases[i].code);
        char detail[200];
        CHECK(socket_get_error_detail(p->socket, detail, sizeof detail) > 0);
        CHECK(strstr(detail, where) != NULL);
        probe_release(p);
    }
    // An address without the zone that it needs is one.
    struct probe *p = probe_new(SOCKET_KIND_TCP);
    socket_connect_options o = SOCKET_CONNECT_OPTIONS_INIT;
    o.address = address_of("fe80::1", 9, SOCKET_FAMILY_IPV6);
    CHECK_EQ(socket_connect(p->socket, &o, probe_completion(SOCKET_OPERATION_CONNECT), p), 0);
    WAIT(p->done[SOCKET_OPERATION_CONNECT] == 1);
    CHECK_EQ(p->done_error[SOCKET_OPERATION_CONNECT], -2301022);
    char detail[200];
    CHECK(socket_get_error_detail(p->socket, detail, sizeof detail) > 0);
    CHECK(strstr(detail, "zone") != NULL);
    probe_release(p);
}

// DONE-8: a route that leads nowhere is no mistake of the program.
BARE_TEST(a_route_that_leads_nowhere) { in_network("child_has_routes"); }

static uint16_t checksum(const void *data, size_t size)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < size; i += 2) {
        uint16_t word;
        memcpy(&word, (const char *)data + i, 2);
        sum += word;
    }
    while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

// Says "unreachable" of a datagram that went from one port to another.
static void tell(int raw, int code, int from, int to)
{
    struct {
        struct icmphdr icmp;
        struct iphdr ip;
        struct udphdr udp;
    } m = {
        .icmp = {.type = ICMP_DEST_UNREACH, .code = (uint8_t)code},
        .ip = {.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP, .tot_len = htons(29),
               .saddr = htonl(INADDR_LOOPBACK), .daddr = htonl(INADDR_LOOPBACK)},
        .udp = {.source = htons((uint16_t)from), .dest = htons((uint16_t)to), .len = htons(9)},
    };
    if (code == ICMP_FRAG_NEEDED) m.icmp.un.frag.mtu = htons(1400);
    m.ip.check = checksum(&m.ip, sizeof m.ip);
    m.icmp.checksum = checksum(&m, sizeof m);
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    CHECK_EQ(sendto(raw, &m, sizeof m, 0, (struct sockaddr *)&here, sizeof here), (ssize_t)sizeof m);
}

CHILD(child_hears_icmp)
{
    static const struct {
        int code, error;
    } cases[] = {
        {ICMP_PROT_UNREACH, -2301111}, {ICMP_PORT_UNREACH, -2301111}, {ICMP_FRAG_NEEDED, -2301005},
        {ICMP_NET_UNKNOWN, -2301101},  {ICMP_HOST_UNKNOWN, -2301112}, {ICMP_HOST_ISOLATED, -2301064},
        {ICMP_NET_ANO, -2301101},      {ICMP_HOST_ANO, -2301113},     {ICMP_PKT_FILTERED, -2301113},
    };
    build_network();
    int raw = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP);
    CHECK(raw >= 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (int first = 0; first < 2; first++) { // who meets it: the loop that reads, or the send
            int port;
            int peer = peer_udp(&port);
            struct probe *p = probe_new(SOCKET_KIND_UDP);
            CHECK_EQ(probe_connect(p, port), 0);
            WAIT(p->done[SOCKET_OPERATION_CONNECT] == 1);
            settle();
            if (first) freeze();
            tell(raw, cases[i].code, peer_port((int)CHECK_OK(socket_get_fd(p->socket))), port);
            if (!first) WAIT(p->count[SOCKET_EVENT_ERROR] == 1);
            CHECK_EQ(probe_send(p, "x", 1), 0);
            if (first) thaw();
            char got[4];
            CHECK_EQ(peer_receive(peer, got, sizeof got, NULL), 1);
            WAIT(p->done[SOCKET_OPERATION_SEND] == 1 && p->count[SOCKET_EVENT_ERROR] == 1);
            CHECK_EQ(p->done_error[SOCKET_OPERATION_SEND], 0);
            CHECK_EQ(p->error[SOCKET_EVENT_ERROR], cases[i].error);
            CHECK(category(cases[i].error) != SOCKET_CATEGORY_USAGE);
            CHECK_EQ(p->count[SOCKET_EVENT_CLOSE], 0);
            probe_closed(p);
            peer_close(peer);
        }
    }
    close(raw);
}

// ORDER-6, DATA-11, DONE-8: whatever ICMP says of an earlier datagram, it is a notice, and the next
// goes out.
BARE_TEST(icmp_about_an_earlier_datagram) { in_network("child_hears_icmp"); }

static void allow_two_ports(void)
{
    int range = open("/proc/sys/net/ipv4/ip_local_port_range", O_WRONLY | O_CLOEXEC);
    CHECK_EQ(write(range, "50000 50001", 11), 11);
    close(range);
}

static void check_detail(struct probe *p, const char *text)
{
    char detail[200];
    CHECK_OK(socket_get_error_detail(p->socket, detail, sizeof detail));
    CHECK(strstr(detail, text) != NULL);
}

static void check_refused_bind(int kind)
{
    struct probe *p = probe_new(kind);
    socket_address any = address_of("127.0.0.1", 0, SOCKET_FAMILY_IPV4);
    socket_listen_options listen = listen_options("127.0.0.1", 0, 1);
    if (kind == SOCKET_KIND_TCP_SERVER) CHECK_EQ(socket_listen(p->socket, &listen), -SOCKET_ERROR_SERVER_ADDRINUSE);
    else CHECK_EQ(socket_bind(p->socket, &any), -SOCKET_ERROR_ADDRINUSE);
    check_detail(p, "127.0.0.1:0: no local port is free");
    probe_release(p);
}

static void check_refused_connect(int kind, int port)
{
    struct probe *p = probe_new(kind);
    CHECK_EQ(probe_connect(p, port), 0);
    WAIT(p->done[SOCKET_OPERATION_CONNECT] == 1);
    CHECK_EQ(p->done_error[SOCKET_OPERATION_CONNECT], -code_for(kind, SOCKET_ERROR_ADDRNOTAVAIL));
    CHECK(category(p->done_error[SOCKET_OPERATION_CONNECT]) == SOCKET_CATEGORY_ADDRESS);
    check_detail(p, "no local port or address is left");
    probe_release(p);
}

CHILD(child_has_two_ports)
{
    enum { PORTS = 2, PORT = 7000 };
    struct probe *client[PORTS], *datagrams[PORTS];
    build_network();
    allow_two_ports();
    struct probe *server = probe_new(SOCKET_KIND_TCP_SERVER);
    socket_listen_options at = listen_options("127.0.0.1", PORT, 8);
    CHECK_EQ(socket_listen(server->socket, &at), 0);
    for (int i = 0; i < PORTS; i++) {
        client[i] = probe_new(SOCKET_KIND_TCP);
        CHECK_EQ(probe_connect(client[i], PORT), 0);
        WAIT(client[i]->count[SOCKET_EVENT_CONNECT] == 1);
        datagrams[i] = probe_new(SOCKET_KIND_UDP);
        probe_bind(datagrams[i]);
    }
    check_refused_connect(SOCKET_KIND_TCP, PORT);
    check_refused_connect(SOCKET_KIND_UDP, PORT);
    check_refused_bind(SOCKET_KIND_TCP);
    check_refused_bind(SOCKET_KIND_TCP_SERVER);
    check_refused_bind(SOCKET_KIND_UDP);
    for (int i = 0; i < PORTS; i++) {
        probe_closed(client[i]);
        probe_closed(datagrams[i]);
    }
    probe_closed(server);
}

// ADDR-8
BARE_TEST(no_local_port_is_free) { in_network("child_has_two_ports"); }
