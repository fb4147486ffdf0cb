#include "engine.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>

void engine_no_failure(engine_failure *failure) {
    memset(failure, 0, sizeof *failure);
    failure->alert_received = failure->alert_sent = -1;
    ERR_clear_error();
}

/* The first error of the SSL library is the one that says what went wrong for TLS; those before it
 * are details (of a padding, of an ASN.1 field), those after it follow from it. */
int engine_collect(engine_failure *failure) {
    unsigned long error, chosen = 0;
    while ((error = ERR_get_error()) != 0)
        if (chosen == 0 || (ERR_GET_LIB(chosen) != ERR_LIB_SSL && ERR_GET_LIB(error) == ERR_LIB_SSL)) chosen = error;
    if (chosen == 0) return 0;
    failure->library = ERR_GET_LIB(chosen);
    failure->reason = ERR_GET_REASON(chosen);
    /* Above are OpenSSL's own (ERR_R_INTERNAL_ERROR and the like). */
    if (failure->library == ERR_LIB_SSL && failure->reason >= SSL_AD_REASON_OFFSET &&
        failure->reason < SSL_AD_REASON_OFFSET + 256)
        failure->alert_received = failure->reason - SSL_AD_REASON_OFFSET;
    const char *text = ERR_reason_error_string(chosen);
    snprintf(failure->reason_text, sizeof failure->reason_text, "%s", text != NULL ? text : "");
    return 0;
}

int engine_explain(engine_failure *failure, const char *format, ...) {
    va_list arguments;
    engine_collect(failure);
    va_start(arguments, format);
    vsnprintf(failure->text, sizeof failure->text, format, arguments);
    va_end(arguments);
    return 0;
}
