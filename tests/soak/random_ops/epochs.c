#include "random_ops.h"

uint64_t seed;
int epoch;
socket_loop loops[LOOPS];
atomic_int aborting;
static struct object *servers[LOOPS];
struct object *tls_servers[LOOPS];

static void name_default_thread(void *number) { sender = SENDER_LOOP + (int)(intptr_t)number; }

static atomic_int named;

static void name_by_event(const socket_event *e, void *unused)
{
    (void)e;
    (void)unused;
    name_default_thread((void *)(intptr_t)(atomic_fetch_add(&named, 1)));
    happened();
}

// The default loops' threads learn which senders they are: new sockets go to the loops in turn.
static void name_default_threads(void)
{
    socket_handle s[2];
    socket_address any = {"127.0.0.1", 0, 0};
    named = 0;
    for (int i = 0; i < 2; i++) {
        s[i] = CHECK_OK(socket_construct_udp());
        CHECK_OK(socket_on(s[i], SOCKET_EVENT_LISTENING, name_by_event, NULL));
        CHECK_OK(socket_bind(s[i], &any));
        WAIT(named == i + 1);
    }
    for (int i = 0; i < 2; i++) CHECK_OK(socket_release(s[i]));
}

static void join(pthread_t t) { CHECK(pthread_join(t, NULL) == 0); }

static void start(pthread_t *t, void *(*body)(void *), int number) { CHECK(pthread_create(t, NULL, body, (void *)(intptr_t)number) == 0); }

static void release_all(void)
{
    for (int w = 0; w < WORKERS; w++)
        for (int i = 0; i < SLOTS; i++) {
            struct object *o = slot_take(&slots[w][i]);
            if (!o) continue;
            release(o);
            unref(o);
        }
}

static void close_connections(void)
{
    pthread_mutex_lock(&all_lock);
    for (struct object *o = all_objects.next; o != &all_objects; o = o->next)
        if (is_connection(o->kind)) result_of(socket_close(o->handle, NULL, NULL));
    pthread_mutex_unlock(&all_lock);
}

// The library is done with everything: so are we. Objects of hosted loops must be gone by
// themselves if nothing was aborted.
static void drop_all_objects(int gentle)
{
    while (all_objects.next != &all_objects) {
        struct object *o = all_objects.next;
        if (gentle && o->loop != 0)
            FAIL("a %s of loop %d is left: handle %llx, %d references, %d openings, %d close events, last rank %d", kind_name(o->kind), o->loop,
                 (unsigned long long)o->handle, o->references, o->opens, o->closes, o->rank);
        ref(o);
        library_done(o);
        if (o->references != 1 + (o->loop == 0)) FAIL("%s: %d references after the end", kind_name(o->kind), o->references);
        if (o->loop == 0) unref(o);
        unref(o);
    }
}

static void drain_records(void)
{
    socket_event records[RECORDS];
    int n;
    while ((n = socket_loop_poll(loops[2], records, RECORDS, 100)) != -SOCKET_ERROR_BADF) {
        CHECK_OK(n);
        for (int i = 0; i < n; i++) handle_record(&records[i]);
    }
}

void run_epoch(const struct baseline *before)
{
    pthread_t workers[WORKERS], hosts[2], peer, relay, hostile;
    int gentle = epoch % 3 != 2; // otherwise all is aborted while it is open
    loops[1] = CHECK_OK(socket_loop_create(SOCKET_LOOP_CALLBACKS));
    loops[2] = CHECK_OK(socket_loop_create(SOCKET_LOOP_RECORDS));
    peers_stop = aborting = plain_port = relay_port = hostile_port = 0;
    sender = SENDER_PEER + 1;
    name_default_threads();
    start(&hosts[0], host_callbacks, 0);
    start(&hosts[1], host_records, 0);
    for (int i = 0; i < LOOPS; i++) {
        servers[i] = object_new(SOCKET_KIND_TCP_SERVER, i);
        servers[i]->handle = CHECK_OK(socket_construct(loops[i], SOCKET_KIND_TCP_SERVER));
        servers[i]->opens = 1;
        CHECK(listen_to(servers[i], 0xfe) == 0);
        server_ports[i] = server_listen(servers[i]->handle, "127.0.0.1", 0);
        tls_servers[i] = object_new(SOCKET_KIND_TLS_SERVER, i);
        tls_servers[i]->handle = CHECK_OK(socket_construct(loops[i], SOCKET_KIND_TLS_SERVER));
        tls_servers[i]->opens = 1;
        CHECK_OK(socket_set_option(tls_servers[i]->handle, SOCKET_OPTION_HANDSHAKE_TIMEOUT, 300));
        CHECK_OK(socket_set_option(tls_servers[i]->handle, SOCKET_OPTION_HANDSHAKE_LIMIT, epoch % 2 ? 0 : i * 4));
        CHECK(listen_to(tls_servers[i], 0xfe) == 0);
        tls_server_ports[i] = tls_listen(tls_servers[i], 0);
    }
    start(&peer, peers, 0);
    start(&relay, relays, 0);
    start(&hostile, hostile_tls, 0);
    WAIT(plain_port && relay_port && hostile_port);
    for (int i = 0; i < WORKERS; i++) start(&workers[i], work, i);
    for (int i = 0; i < WORKERS; i++) join(workers[i]);
    peers_stop = 1;
    join(peer);
    join(relay);
    join(hostile);
    if (gentle) {
        release_all();
        for (int i = 0; i < LOOPS; i++) {
            release(servers[i]);
            release(tls_servers[i]);
        }
        // The servers' connections that nobody has closed: half-open ones, and those that do not
        // read.
        close_connections();
        WAIT_STATE(stats_now().sockets == 0 && outstanding == 0 && posts_out == 0);
        // A released client may still be sending.
        WAIT_STATE(stats_now().queued_bytes == 0);
    }
    aborting = 1;
    stop_hosts();
    join(hosts[0]);
    join(hosts[1]);
    CHECK_OK(socket_shutdown(30000));
    CHECK_OK(socket_loop_close(loops[1]));
    CHECK_OK(socket_loop_close(loops[2]));
    drain_records();
    if (outstanding) FAIL("%lld completions have not come", (long long)outstanding);
    // Nothing is called any more: what is left are handles the loops have taken back.
    for (int w = 0; w < WORKERS; w++)
        for (int i = 0; i < SLOTS; i++) {
            struct object *o = slot_take(&slots[w][i]);
            if (!o) continue;
            CHECK(socket_release(o->handle) == -SOCKET_ERROR_BADF);
            library_done(o);
            unref(o);
        }
    forget_recent();
    drop_all_objects(gentle);
    // What was posted to a loop that ended never runs.
    while (all_posts.next != &all_posts) pending_end(all_posts.next);
    baseline_wait(before);
}
