// Peers that are not the library need descriptors of their own: a process beside the one under
// test, or a thread of it with a table of descriptors of its own.
#ifndef OHSOCKET_SOAK_HELPER_H
#define OHSOCKET_SOAK_HELPER_H

#include <pthread.h>
#include <sys/types.h>

struct helper {
    pid_t pid; // 0: a thread
    pthread_t thread;
    int orders, answers;
};

// The helper calls serve for every order; what it returns is the answer. A process is forked from a
// program that has loaded the library, so it uses plain system calls only. A thread is started
// before there are any sockets; where the system (a container's filter, say) lets no thread have
// such a table, a process is.
struct helper helper_process(int (*serve)(char order, int argument));
struct helper helper_thread(int (*serve)(char order, int argument));
void helper_begin(const struct helper *h, char order, int argument);
int helper_answer(const struct helper *h);                          // waits for it
int helper_order(const struct helper *h, char order, int argument); // both
void helper_end(struct helper *h);

#endif
