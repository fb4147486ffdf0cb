// A program of somebody who has installed the library: C, and C++ as well.
#include <ohsocket.h>
#include <stdio.h>

static void rings(void *user_data)
{
    *(int *)user_data = 1;
}

int main(void)
{
    int rang = 0;
    socket_loop loop = socket_loop_create(SOCKET_LOOP_CALLBACKS);
    if (loop < 0 || socket_loop_set_timer(loop, 1, 0, rings, &rang) < 0) return 1;
    while (!rang)
        if (socket_loop_run(loop, 1000) < 0) return 1;
    printf("ohsocket %s\n", socket_version());
    return socket_loop_close(loop) != 0;
}
