// A process beside the one under test: peers that are not the library need descriptors of their own. It is forked
// from a program that has loaded the library, so it uses plain system calls only.
#ifndef OHSOCKET_SOAK_HELPER_H
#define OHSOCKET_SOAK_HELPER_H

#include <sys/types.h>

struct helper {
    pid_t pid;
    int orders, answers;
};

// The helper calls serve for every order; what it returns is the answer.
struct helper helper_start(int (*serve)(char order, int argument));
void helper_begin(const struct helper *h, char order, int argument);
int helper_answer(const struct helper *h);                          // waits for it
int helper_order(const struct helper *h, char order, int argument); // both
void helper_end(struct helper *h);

#endif
