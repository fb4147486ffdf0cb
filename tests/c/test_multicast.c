// Multicast: the GROUP sentences. Most need no network but the loopback interface; those that
// need two interfaces have a namespace of their own with a veth pair.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "peer.h"
#include "probe.h"

enum { NO_NETWORK = 125 };
#define GROUP4 "239.255.77.1"
#define OTHER4 "239.255.77.2"
#define GROUP6 "ff12::77:1"

static socket_multicast_group group_of(const char *address, int port, const char *interface, const char *source)
{
    socket_multicast_group g = SOCKET_MULTICAST_GROUP_INIT;
    g.address = address_of(address, port, 0);
    g.interface = interface;
    g.source = source;
    return g;
}

static int join(struct probe *p, const char *address, int port, const char *interface)
{
    socket_multicast_group g = group_of(address, port, interface, NULL);
    return socket_join_group(p->socket, &g);
}

static int leave(struct probe *p, const char *address, const char *interface)
{
    socket_multicast_group g = group_of(address, 0, interface, NULL);
    return socket_leave_group(p->socket, &g);
}

// A multicast socket that is a member on the loopback interface.
static struct probe *member_new(const char *address, int *port)
{
    struct probe *p = probe_new(SOCKET_KIND_MULTICAST);
    CHECK_EQ(join(p, address, *port, "lo"), 0);
    WAIT(p->count[SOCKET_EVENT_LISTENING] == 1);
    *port = probe_port(p);
    return p;
}

// A plain socket of the system that sends to groups by an interface.
static int sender_at(const char *address, const char *interface)
{
    int port, fd = peer_udp_at(address, &port);
    int index = (int)if_nametoindex(interface);
    if (strchr(address, ':')) {
        CHECK_EQ(setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, &index, sizeof index), 0);
    } else {
        struct ip_mreqn m = {.imr_ifindex = index};
        CHECK_EQ(setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &m, sizeof m), 0);
    }
    return fd;
}

static void say(int fd, const char *group, int port, const char *text)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct sockaddr_in6 b = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    int six = strchr(group, ':') != NULL;
    CHECK_EQ(inet_pton(six ? AF_INET6 : AF_INET, group, six ? (void *)&b.sin6_addr : (void *)&a.sin_addr), 1);
    CHECK_EQ(sendto(fd, text, strlen(text), 0, six ? (void *)&b : (void *)&a, six ? sizeof b : sizeof a), (ssize_t)strlen(text));
}

#define HEARS(p, text)                                                           \
    do {                                                                         \
        WAIT((p)->size >= strlen(text));                                         \
        CHECK_EQ((p)->size, strlen(text));                                       \
        CHECK(memcmp((p)->data, text, strlen(text)) == 0);                       \
    } while (0)

// GROUP-1: no bind is needed, and the membership lasts until close.
LOOPS_TEST(joining_opens_a_multicast_socket)
{
    int port = 0, fd = sender_at("127.0.0.1", "lo");
    struct probe *p = member_new(GROUP4, &port);
    CHECK(port > 0);
    CHECK_EQ(state_of(p->socket), 1);
    say(fd, GROUP4, port, "one");
    HEARS(p, "one");
    CHECK_EQ(p->remote_port, peer_port(fd));
    CHECK_EQ(probe_close(p), 0);
    WAIT(p->count[SOCKET_EVENT_CLOSE] == 1);
    probe_opened(p);
    probe_bind(p);
    say(fd, GROUP4, probe_port(p), "two"); // no member any more
    settle();
    HEARS(p, "one");
    probe_closed(p);
    peer_close(fd);
}

// GROUP-1: a membership that fails leaves nothing open, and the socket can be opened afterwards.
LOOPS_TEST(a_join_that_fails_opens_nothing)
{
    struct probe *p = probe_new(SOCKET_KIND_MULTICAST);
    int fds = count_fds();
    CHECK_CODE(join(p, "127.0.0.1", 0, "lo"), 2301022);
    CHECK_CODE(join(p, GROUP4, 0, "no-such-0"), 2301019);
    CHECK_EQ(state_of(p->socket), 0);
    CHECK_EQ(count_fds(), fds);
    CHECK_CODE(socket_close(p->socket, NULL, NULL), 2300999);
    CHECK_EQ(join(p, GROUP4, 0, "lo"), 0);
    probe_closed(p);
}

// GROUP-7
LOOPS_TEST(what_cannot_be_joined_or_left)
{
    struct probe *p = probe_new(SOCKET_KIND_UDP);
    CHECK_CODE(join(p, GROUP4, 0, "lo"), 2301009);
    CHECK_CODE(leave(p, GROUP4, "lo"), 2301009);
    probe_bind(p);
    char detail[200];
    static const struct {
        const char *address, *interface, *source;
        int code;
        const char *detail;
    } cases[] = {
        {"127.0.0.1", "lo", NULL, 2301022, "127.0.0.1"}, {"255.255.255.255", "lo", NULL, 2301022, "255.255.255.255"},
        {"ff02::1", "lo", NULL, 2301097, "ff02::1"},     {"", "lo", NULL, 401, "address"},
        {"group", "lo", NULL, 401, "address"},           {GROUP4, "no-such-0", NULL, 2301019, "interface"},
        {GROUP4, "a/b", NULL, 401, "interface"},         {GROUP4, "2147483647", NULL, 2301019, "interface"},
        {GROUP4, "lo", "::1", 401, "source"},            {GROUP4, "lo", "name", 401, "source"},
        {"ff02::1%lo", "99999", NULL, 2301019, "interface"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        socket_multicast_group g = group_of(cases[i].address, 0, cases[i].interface, cases[i].source);
        EXPECT_EQ(socket_join_group(p->socket, &g), -cases[i].code, "%s on %s", cases[i].address, cases[i].interface);
        CHECK(socket_get_error_detail(p->socket, detail, sizeof detail) > 0);
        if (!strstr(detail, cases[i].detail)) FAIL("%s: %s", cases[i].address, detail);
    }
    CHECK_CODE(leave(p, GROUP4, "lo"), 2301099);
    CHECK_EQ(join(p, GROUP4, 0, "lo"), 0);
    CHECK_CODE(join(p, GROUP4, 0, "lo"), 2301098);
    CHECK_EQ(leave(p, GROUP4, "lo"), 0);
    CHECK_CODE(leave(p, GROUP4, "lo"), 2301099);
    CHECK_CODE(socket_join_group(p->socket, NULL), 401);
    socket_multicast_group none = {0};
    CHECK_CODE(socket_leave_group(p->socket, &none), 401);
    probe_closed(p);
    struct probe *tcp = probe_new(SOCKET_KIND_TCP);
    CHECK_CODE(join(tcp, GROUP4, 0, "lo"), 2301095);
    CHECK_CODE(leave(tcp, GROUP4, "lo"), 2301095);
    probe_release(tcp);
}

// GROUP-2: several groups, each left by itself; the socket stays open.
LOOPS_TEST(several_groups)
{
    int port = 0, fd = sender_at("127.0.0.1", "lo");
    struct probe *p = member_new(GROUP4, &port);
    CHECK_EQ(join(p, OTHER4, 0, "lo"), 0);
    say(fd, GROUP4, port, "a");
    say(fd, OTHER4, port, "b");
    HEARS(p, "ab");
    CHECK_EQ(leave(p, GROUP4, "lo"), 0);
    say(fd, GROUP4, port, "x");
    say(fd, OTHER4, port, "c");
    HEARS(p, "abc");
    CHECK_EQ(leave(p, OTHER4, "lo"), 0);
    CHECK_EQ(state_of(p->socket), 1);
    probe_closed(p);
    peer_close(fd);
}

// GROUP-3: what others have joined is not for us.
LOOPS_TEST(only_groups_that_were_joined)
{
    int port = 0, fd = sender_at("127.0.0.1", "lo");
    struct probe *first = member_new(GROUP4, &port), *second = member_new(OTHER4, &port);
    struct probe *bound = probe_new(SOCKET_KIND_MULTICAST);
    socket_address any = address_of("0.0.0.0", port, 0);
    CHECK_EQ(socket_bind(bound->socket, &any), 0);
    say(fd, GROUP4, port, "first");
    say(fd, OTHER4, port, "second");
    HEARS(first, "first");
    HEARS(second, "second");
    settle();
    CHECK_EQ(bound->size, 0);
    struct probe *udp = probe_new(SOCKET_KIND_UDP);
    CHECK_EQ(socket_set_option(udp->socket, SOCKET_OPTION_REUSE_ADDRESS, 1), 0);
    CHECK_EQ(socket_bind(udp->socket, &any), 0);
    CHECK_EQ(join(udp, OTHER4, 0, "lo"), 0);
    say(fd, GROUP4, port, "more");
    HEARS(first, "firstmore");
    say(fd, OTHER4, port, "too");
    HEARS(udp, "too");
    probe_closed(first), probe_closed(second), probe_closed(bound), probe_closed(udp);
    peer_close(fd);
}

// GROUP-4: two sockets of one process share a port, without any option.
LOOPS_TEST(two_members_hear_the_same)
{
    int port = 0, fd = sender_at("127.0.0.1", "lo");
    struct probe *a = member_new(GROUP4, &port), *b = member_new(GROUP4, &port);
    CHECK_EQ(socket_get_option(a->socket, SOCKET_OPTION_REUSE_ADDRESS), 1);
    say(fd, GROUP4, port, "both");
    HEARS(a, "both");
    HEARS(b, "both");
    struct probe *alone = probe_new(SOCKET_KIND_MULTICAST);
    CHECK_EQ(socket_set_option(alone->socket, SOCKET_OPTION_REUSE_ADDRESS, 0), 0);
    CHECK_CODE(join(alone, GROUP4, port, "lo"), 2301098);
    probe_release(alone);
    probe_closed(a), probe_closed(b);
    peer_close(fd);
}

CHILD(child_member)
{
    int port = atoi(test_argument), back = atoi(strchr(test_argument, ' '));
    struct probe *p = member_new(GROUP4, &port);
    CHECK_EQ(probe_send_to(p, back, "joined", 6), 0);
    HEARS(p, "hello");
    CHECK_EQ(probe_send_to(p, back, "heard", 5), 0);
    probe_closed(p);
}

// GROUP-4: two processes on one group.
TEST(two_processes_are_members_of_one_group)
{
    int port = 0, back, fd = sender_at("127.0.0.1", "lo"), answers = peer_udp(&back);
    struct probe *p = member_new(GROUP4, &port);
    char ports[32], got[8];
    snprintf(ports, sizeof ports, "%d %d", port, back);
    int child = start_child("child_member", ports);
    CHECK_EQ(peer_receive(answers, got, sizeof got, NULL), 6);
    say(fd, GROUP4, port, "hello");
    HEARS(p, "hello");
    CHECK_EQ(peer_receive(answers, got, sizeof got, NULL), 5);
    CHECK_EQ(wait_child(child), 0);
    probe_closed(p);
    peer_close(fd), peer_close(answers);
}

// GROUP-5
LOOPS_TEST(a_membership_with_a_source)
{
    int port = 0, wanted = sender_at("127.0.0.2", "lo"), other = sender_at("127.0.0.3", "lo");
    struct probe *p = probe_new(SOCKET_KIND_MULTICAST);
    socket_multicast_group g = group_of("232.1.1.7", 0, "lo", "127.0.0.2"), h = group_of("232.1.1.7", 0, "lo", "127.0.0.3");
    CHECK_EQ(socket_join_group(p->socket, &g), 0);
    port = probe_port(p);
    say(other, "232.1.1.7", port, "no");
    say(wanted, "232.1.1.7", port, "yes");
    HEARS(p, "yes");
    CHECK_CODE(socket_leave_group(p->socket, &h), 2301099);
    CHECK_EQ(socket_join_group(p->socket, &h), 0);
    CHECK_EQ(socket_leave_group(p->socket, &g), 0);
    say(wanted, "232.1.1.7", port, "no");
    say(other, "232.1.1.7", port, "two");
    HEARS(p, "yestwo");
    probe_closed(p);
    peer_close(wanted), peer_close(other);
}

static int option4(struct probe *p, int name) { return option_of_fd(p->socket, IPPROTO_IP, name); }
static int option6(struct probe *p, int name) { return option_of_fd(p->socket, IPPROTO_IPV6, name); }

static const struct option {
    int option, initial, value, name4, name6;
} options[] = {
    {SOCKET_OPTION_MULTICAST_TTL, 1, 0, IP_MULTICAST_TTL, IPV6_MULTICAST_HOPS},
    {SOCKET_OPTION_MULTICAST_TTL, 1, 255, IP_MULTICAST_TTL, IPV6_MULTICAST_HOPS},
    {SOCKET_OPTION_MULTICAST_LOOPBACK, 1, 0, IP_MULTICAST_LOOP, IPV6_MULTICAST_LOOP},
};

// GROUP-6: before and after the opening, over a close, and for both families.
LOOPS_TEST(options_for_sending_to_groups)
{
    static const int kinds[] = {SOCKET_KIND_MULTICAST, SOCKET_KIND_UDP};
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        const struct option *o = &options[i];
        for (int opened = 0; opened < 2; opened++) {
            struct probe *p = probe_new(kinds[opened]);
            socket_address any = address_of("::", 0, 0);
            CHECK_EQ(socket_get_option(p->socket, o->option), o->initial);
            if (opened) CHECK_EQ(socket_bind(p->socket, &any), 0);
            CHECK_EQ(socket_set_option(p->socket, o->option, o->value), 0);
            CHECK_CODE(socket_set_option(p->socket, o->option, -1), 401);
            CHECK_CODE(socket_set_option(p->socket, o->option, 256), 401);
            if (!opened) CHECK_EQ(socket_bind(p->socket, &any), 0);
            for (int period = 0; period < 2; period++) {
                EXPECT_EQ(option4(p, o->name4), o->value, "option %d", o->option);
                EXPECT_EQ(option6(p, o->name6), o->value, "option %d, IPv6", o->option);
                CHECK_EQ(socket_get_option(p->socket, o->option), o->value);
                CHECK_EQ(probe_close(p), 0);
                WAIT(p->count[SOCKET_EVENT_CLOSE] == period + 1);
                probe_opened(p);
                CHECK_EQ(socket_bind(p->socket, &any), 0);
            }
            probe_closed(p);
        }
    }
}

// GROUP-6: one hears oneself, unless loopback is off.
LOOPS_TEST(loopback_of_what_is_sent)
{
    int port = 0;
    struct probe *p = member_new(GROUP4, &port);
    CHECK_EQ(socket_set_option(p->socket, SOCKET_OPTION_MULTICAST_INTERFACE, if_nametoindex("lo")), 0);
    socket_address to = address_of(GROUP4, port, 0);
    CHECK_EQ(socket_send_to(p->socket, &to, "me", 2, probe_completion(SOCKET_OPERATION_SEND), p), 0);
    HEARS(p, "me");
    CHECK_EQ(p->remote_port, port);
    CHECK_CODE(socket_set_option(p->socket, SOCKET_OPTION_MULTICAST_INTERFACE, 2147483647), 2301019);
    probe_closed(p);
}

// In a network of its own: two interfaces, left and right, that are the ends of one cable.
static void set_up(int fd, const char *name, const char *address)
{
    struct ifreq r = {0};
    snprintf(r.ifr_name, sizeof r.ifr_name, "%s", name);
    if (address) {
        struct sockaddr_in a = {.sin_family = AF_INET};
        CHECK_EQ(inet_pton(AF_INET, address, &a.sin_addr), 1);
        memcpy(&r.ifr_addr, &a, sizeof a);
        CHECK_EQ(ioctl(fd, SIOCSIFADDR, &r), 0);
    }
    r.ifr_flags = IFF_UP | IFF_RUNNING | (address ? IFF_MULTICAST | IFF_BROADCAST : 0);
    CHECK_EQ(ioctl(fd, SIOCSIFFLAGS, &r), 0);
}

static void write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    CHECK(fd >= 0);
    CHECK_EQ(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static int make_cable(void)
{
    struct {
        struct nlmsghdr header;
        struct ifinfomsg info;
        struct rtattr name;
        char left[8];
        struct rtattr link, kind;
        char veth[4];
    } m = {
        .header = {.nlmsg_len = sizeof m, .nlmsg_type = RTM_NEWLINK, .nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK},
        .name = {.rta_len = RTA_LENGTH(8), .rta_type = IFLA_IFNAME},
        .left = "left",
        .link = {.rta_len = RTA_LENGTH(sizeof(struct rtattr) + 4), .rta_type = IFLA_LINKINFO},
        .kind = {.rta_len = RTA_LENGTH(4), .rta_type = IFLA_INFO_KIND},
        .veth = {'v', 'e', 't', 'h'},
    };
    struct {
        struct nlmsghdr header;
        struct nlmsgerr error;
        char rest[512];
    } answer;
    int netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    CHECK_EQ(send(netlink, &m, sizeof m, 0), (ssize_t)sizeof m);
    CHECK(recv(netlink, &answer, sizeof answer, 0) > 0);
    close(netlink);
    return answer.error.error;
}

// The other end of the cable, as the kernel has named it.
#define RIGHT "veth0"

// Whether an interface has its IPv6 address, and may use it.
static int has_address(const char *interface)
{
    FILE *f = fopen("/proc/net/if_inet6", "re");
    char address[33], name[IFNAMSIZ];
    unsigned flags;
    int found = 0;
    CHECK(f != NULL);
    while (fscanf(f, "%32s %*x %*x %*x %x %15s", address, &flags, name) == 3)
        if (strcmp(name, interface) == 0 && !(flags & IFA_F_TENTATIVE)) found = 1;
    fclose(f);
    return found;
}

static void build_network(void)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    set_up(fd, "lo", NULL);
    if (make_cable() != 0) _exit(NO_NETWORK);
    // Without them the kernel would not believe that we receive from ourselves, nor use an
    // IPv6 address at once.
    static const char *const knobs[] = {"ipv4/conf/%s/accept_local", "ipv6/conf/%s/accept_dad"};
    for (int i = 0; i < 4; i++) {
        char path[100] = "/proc/sys/net/";
        snprintf(path + strlen(path), 80, knobs[i / 2], i % 2 ? "left" : RIGHT);
        write_text(path, i < 2 ? "1" : "0");
    }
    set_up(fd, "left", "10.7.0.1");
    set_up(fd, RIGHT, "10.8.0.1");
    close(fd);
    POLL(has_address("left") && has_address(RIGHT));
}

static void in_network(const char *child)
{
    pid_t pid = fork(); // and nothing of the library until exec
    CHECK(pid >= 0);
    if (pid == 0) {
        if (unshare(CLONE_NEWNET) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) _exit(NO_NETWORK);
        execl("/proc/self/exe", "test_multicast", child, (char *)NULL);
        _exit(1);
    }
    int status = wait_child(pid);
    if (status == NO_NETWORK) printf("the system allows no network of our own: not tried\n");
    else CHECK_EQ(status, 0);
}

static void on_one_interface(const char *group, const char *left, const char *right)
{
    int from_left = sender_at(left, "left"), from_right = sender_at(right, RIGHT);
    struct probe *p = probe_new(SOCKET_KIND_MULTICAST);
    CHECK_EQ(join(p, group, 0, "left"), 0);
    int port = probe_port(p), off = 0;
    CHECK_EQ(setsockopt(from_left, IPPROTO_IP, IP_MULTICAST_LOOP, &off, sizeof off), 0);
    if (strchr(group, ':')) CHECK_EQ(setsockopt(from_left, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, &off, sizeof off), 0);
    say(from_left, group, port, "no"); // arrives at the other end, where nobody is a member
    say(from_right, group, port, "yes");
    HEARS(p, "yes");
    char index[16];
    snprintf(index, sizeof index, "%u", if_nametoindex(RIGHT));
    CHECK_EQ(join(p, group, 0, index), 0);
    CHECK_EQ(leave(p, group, "left"), 0);
    say(from_left, group, port, "too");
    HEARS(p, "yestoo");
    CHECK_CODE(leave(p, group, "left"), 2301099);
    CHECK_EQ(leave(p, group, RIGHT), 0);
    probe_closed(p);
    peer_close(from_left), peer_close(from_right);
}

CHILD(child_has_two_interfaces)
{
    build_network();
    on_one_interface(GROUP4, "10.7.0.1", "10.8.0.1");
    on_one_interface(GROUP6, "::", "::");
}

// GROUP-2: the interface on which one is a member, by name and by index.
BARE_TEST(a_member_on_one_of_two_interfaces) { in_network("child_has_two_interfaces"); }

static void send_by(struct probe *p, const char *group, int port, const char *text)
{
    socket_address to = address_of(group, port, 0);
    CHECK_EQ(socket_send_to(p->socket, &to, text, strlen(text), NULL, NULL), 0);
}

CHILD(child_sends_by_an_interface)
{
    build_network();
    // A member at the left end hears what leaves by the right one.
    struct probe *member = probe_new(SOCKET_KIND_MULTICAST), *sender = probe_new(SOCKET_KIND_UDP);
    CHECK_EQ(join(member, GROUP6, 0, "left"), 0);
    CHECK_EQ(join(member, GROUP4, 0, "left"), 0); // IPv4 on the same IPv6 socket
    int port = probe_port(member);
    socket_address any = address_of("::", 0, 0);
    CHECK_EQ(socket_set_option(sender->socket, SOCKET_OPTION_MULTICAST_INTERFACE, if_nametoindex(RIGHT)), 0);
    CHECK_EQ(socket_set_option(sender->socket, SOCKET_OPTION_MULTICAST_LOOPBACK, 0), 0);
    CHECK_EQ(socket_bind(sender->socket, &any), 0);
    send_by(sender, GROUP4, port, "four");
    HEARS(member, "four");
    send_by(sender, GROUP6, port, "six");
    HEARS(member, "foursix");
    CHECK_EQ(socket_set_option(sender->socket, SOCKET_OPTION_MULTICAST_INTERFACE, if_nametoindex("left")), 0);
    send_by(sender, GROUP4, port, "no");
    send_by(sender, GROUP6, port, "no");
    // The zone of an address is stronger.
    send_by(sender, "ff02::77:2%" RIGHT, port, "no");
    CHECK_EQ(join(member, "ff02::77:2%left", 0, NULL), 0);
    send_by(sender, "ff02::77:2%" RIGHT, port, "zone");
    HEARS(member, "foursixzone");
    CHECK_CODE(join(member, "ff02::77:3%left", 0, RIGHT), 401);
    CHECK_EQ(leave(member, "ff02::77:2%left", NULL), 0);
    CHECK_EQ(socket_set_option(sender->socket, SOCKET_OPTION_IPV6_ONLY, 1), 0);
    probe_closed(member), probe_closed(sender);
    struct probe *six = probe_new(SOCKET_KIND_MULTICAST);
    CHECK_EQ(socket_set_option(six->socket, SOCKET_OPTION_IPV6_ONLY, 1), 0);
    CHECK_EQ(join(six, GROUP6, 0, "left"), 0);
    CHECK_CODE(join(six, GROUP4, 0, "left"), 2301097);
    probe_closed(six);
}

// GROUP-2, GROUP-6, GROUP-7: the interface by which datagrams leave, both families, and zones.
BARE_TEST(sending_by_one_of_two_interfaces) { in_network("child_sends_by_an_interface"); }
