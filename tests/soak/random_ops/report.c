#include "random_ops.h"

#include <stdio.h>
#include <sys/ioctl.h>

void print_seed(void)
{
    fprintf(stderr, "random_ops: seed %llu, epoch %d; repeat it with --seed %llu --first %d --epochs 1\n", (unsigned long long)seed, epoch,
            (unsigned long long)seed, epoch);
    struct baseline now = {.fds = count_fds(), .kb = anonymous_kb()};
    now.stats.struct_size = sizeof now.stats;
    socket_get_stats(&now.stats);
    baseline_print("now", &now);
    printf("%lld completions and %lld posts have not come\n", (long long)outstanding, (long long)posts_out);
    // Handles that are left, whoever has them: slots and generations from the first.
    for (int64_t generation = 1, found = 0; generation < 200 && found < 10; generation++)
        for (int64_t slot = 0; slot < 3000; slot++) {
            socket_handle h = generation << 20 | slot;
            int kind = socket_get_kind(h), local = 0, remote = 0;
            if (kind < 0) continue;
            found++;
            socket_get_local_address(h, NULL, 0, &local, NULL);
            socket_get_remote_address(h, NULL, 0, &remote, NULL);
            socket_state_info state = SOCKET_STATE_INFO_INIT;
            socket_get_state(h, &state);
            int unread = -1;
            ioctl(socket_get_fd(h), FIONREAD, &unread);
            printf("left: %s %llx, bound %d connected %d close %d, port %d, peer's port %d, %d bytes unread, idle timeout %lld, half open %lld\n",
                   kind_name(kind), (unsigned long long)h, state.is_bound, state.is_connected, state.is_close, local, remote, unread,
                   (long long)socket_get_option(h, SOCKET_OPTION_IDLE_TIMEOUT), (long long)socket_get_option(h, SOCKET_OPTION_ALLOW_HALF_OPEN));
        }
    if (pthread_mutex_trylock(&all_lock) != 0) return;
    int shown = 0;
    for (struct object *o = all_objects.next; o != &all_objects && shown < 40; o = o->next) {
        if (o->references <= 1 + (o->loop == 0) - !o->library && o->closes >= o->opens) continue;
        socket_state_info state = SOCKET_STATE_INFO_INIT;
        int valid = socket_get_state(o->handle, &state) == 0;
        printf("%s %llx of loop %d: %d references, %d openings, %d closes, last rank %d, %svalid, bound %d connected %d close %d, %lld queued, "
               "completions asked/come", kind_name(o->kind), (unsigned long long)o->handle, o->loop, o->references, o->opens, o->closes, o->rank,
               valid ? "" : "in", state.is_bound, state.is_connected, state.is_close, (long long)socket_get_send_queue_length(o->handle));
        for (int i = 0; i < SENDERS; i++)
            if (o->sent_number[i]) printf(" %u/%u", o->sent_number[i], o->done_number[i]);
        printf("\n");
        shown++;
    }
    fflush(stdout);
}
