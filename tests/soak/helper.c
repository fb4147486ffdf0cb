#include "helper.h"

#include <sys/wait.h>
#include <unistd.h>

#include "soak.h"

struct order {
    char what;
    int argument;
};

struct helper helper_start(int (*serve)(char order, int argument))
{
    int orders[2], answers[2];
    CHECK(pipe(orders) == 0 && pipe(answers) == 0);
    struct helper h = {fork(), orders[1], answers[0]};
    CHECK(h.pid >= 0);
    if (h.pid == 0) {
        close(orders[1]);
        close(answers[0]);
        struct order o;
        while (read(orders[0], &o, sizeof o) == sizeof o) {
            int answer = serve(o.what, o.argument);
            CHECK(write(answers[1], &answer, sizeof answer) == sizeof answer);
        }
        _exit(0);
    }
    close(orders[0]);
    close(answers[1]);
    return h;
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
    CHECK(waitpid(h->pid, &status, 0) == h->pid);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) FAIL("the helper ended with status %x", (unsigned)status);
    close(h->answers);
}
