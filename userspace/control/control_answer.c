/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What an answer is: the status of an error, and JSON or text as a client gets it. */
#include <event2/buffer.h>
#include <event2/http.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "control/control_internal.h"

cJSON *control_error_json(const struct error *error)
{
    cJSON *answer = cJSON_CreateObject();
    cJSON *object = cJSON_AddObjectToObject(answer, "error");

    (void)cJSON_AddStringToObject(object, "message", error->message);
    (void)cJSON_AddStringToObject(object, "code", error_code_name(error_code_of(error)));
    if (error->field[0]) {
        (void)cJSON_AddStringToObject(object, "field", error->field);
        (void)cJSON_AddStringToObject(object, "value", error->value);
        (void)cJSON_AddStringToObject(object, "allowed", error->allowed);
    }
    if (error->meant[0])
        (void)cJSON_AddStringToObject(object, "didYouMean", error->meant);
    return answer;
}

static void send_text(struct evhttp_request *http, int status, const char *reason, const char *text)
{
    struct evbuffer *buffer = evhttp_request_get_output_buffer(http);

    (void)evhttp_add_header(evhttp_request_get_output_headers(http), "Content-Type", CONTROL_JSON);
    (void)evbuffer_add(buffer, text, strlen(text));
    evhttp_send_reply(http, status, reason, NULL);
}

static void send_json(struct evhttp_request *http, int status, const char *reason, cJSON *json)
{
    char *text = json_print(json);

    send_text(http, text ? status : HTTP_INTERNAL, text ? reason : "Internal Error",
              text ? text : "{\"error\":{\"message\":\"out of memory\",\"code\":\"Internal\"}}");
    cJSON_free(text);
}

/* `answer`: the handler's own, or NULL for one made of the error. */
static void send_error(struct evhttp_request *http, int r, cJSON *answer, struct error *error)
{
    const struct error of_answer = {.number = -r};
    _cleanup_json_ cJSON *json = NULL;
    enum error_code code;

    if (!error->number)
        (void)error_errno(error, r, "the request failed");
    code = error_code_of(answer ? &of_answer : error);
    if (!answer)
        json = control_error_json(error);
    send_json(http, error_code_status(code), error_code_reason(code), answer ? answer : json);
}

void control_send_result(struct evhttp_request *http, int r, cJSON *answer, struct error *error)
{
    if (r < 0)
        send_error(http, r, answer, error);
    else
        send_json(http, HTTP_OK, "OK", answer);
}
