#define _GNU_SOURCE
#include "helper.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "soak.h"

struct order {
    char what;
    int argument;
};

struct job {
    int (*serve)(char order, int argument);
    int orders, answers;
};

static void answer_orders(const struct job *j)
{
    struct order o;
    while (read(j->orders, &o, sizeof o) == sizeof o) {
        int answer = j->serve(o.what, o.argument);
        CHECK(write(j->answers, &answer, sizeof answer) == sizeof answer);
    }
}

// The helper's ends of the pipes, and the other ones.
static struct helper open_pipes(struct job *j)
{
    int orders[2], answers[2];
    CHECK(pipe(orders) == 0 && pipe(answers) == 0);
    j->orders = orders[0];
    j->answers = answers[1];
    return (struct helper){.orders = orders[1], .answers = answers[0]};
}

static struct helper close_job(struct helper h, const struct job *j)
{
    close(j->orders);
    close(j->answers);
    return h;
}

struct helper helper_process(int (*serve)(char order, int argument))
{
    struct job j = {.serve = serve};
    struct helper h = open_pipes(&j);
    h.pid = fork();
    CHECK(h.pid >= 0);
    if (h.pid == 0) {
        close(h.orders);
        close(h.answers);
        answer_orders(&j);
        _exit(0);
    }
    return close_job(h, &j);
}

static void *run_thread(void *job)
{
    struct job j = *(struct job *)job;
    int ready = unshare(CLONE_FILES) == 0;
    for (int fd = 3; ready && fd < sysconf(_SC_OPEN_MAX); fd++)
        if (fd != j.orders && fd != j.answers) close(fd);
    CHECK(write(j.answers, &ready, sizeof ready) == sizeof ready);
    if (ready) answer_orders(&j);
    return NULL; // its descriptors go with it
}

struct helper helper_thread(int (*serve)(char order, int argument))
{
    struct job j = {.serve = serve};
    struct helper h = open_pipes(&j);
    CHECK(pthread_create(&h.thread, NULL, run_thread, &j) == 0);
    int ready = helper_answer(&h);
    close_job(h, &j);
    if (ready) return h;
    printf("a thread may not have descriptors of its own here: a process instead\n");
    helper_end(&h);
    return helper_process(serve);
}

void helper_begin(const struct helper *h, char order, int argument)
{
    struct order o = {order, argument};
    CHECK(write(h->orders, &o, sizeof o) == sizeof o);
}

int helper_answer(const struct helper *h)
{
    int answer;
    if (read(h->answers, &answer, sizeof answer) != sizeof answer) FAIL("the helper has ended, see above");
    return answer;
}

int helper_order(const struct helper *h, char order, int argument)
{
    helper_begin(h, order, argument);
    return helper_answer(h);
}

void helper_end(struct helper *h)
{
    int status;
    close(h->orders);
    if (h->pid == 0) {
        CHECK(pthread_join(h->thread, NULL) == 0);
    } else {
        CHECK(waitpid(h->pid, &status, 0) == h->pid);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) FAIL("the helper ended with status %x", (unsigned)status);
    }
    close(h->answers);
}
