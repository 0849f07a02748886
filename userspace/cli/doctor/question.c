/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "cli/doctor/question.h"

#include <string.h>

#define HEADER_SIZE       12
#define LABEL_MAX         63
#define QUESTION_NAME_MAX 255 /* in a message */

size_t question_make(const char *name, uint16_t id, unsigned char ret_question[static QUESTION_MAX])
{
    static const unsigned char type_and_class[] = {0, 1, 0, 1};
    unsigned char *at = ret_question + HEADER_SIZE;
    size_t rest = strlen(name);

    if (rest == 0 || rest > QUESTION_NAME_MAX - 2)
        return 0;
    memset(ret_question, 0, HEADER_SIZE);
    ret_question[0] = (unsigned char)(id >> 8);
    ret_question[1] = (unsigned char)id;
    ret_question[2] = 1; /* recursion desired */
    ret_question[5] = 1; /* one question */
    while (*name) {
        size_t length = strcspn(name, ".");

        if (length == 0 || length > LABEL_MAX)
            return 0;
        *at++ = (unsigned char)length;
        memcpy(at, name, length);
        at += length;
        name += length + (name[length] == '.');
    }
    *at++ = 0;
    memcpy(at, type_and_class, sizeof(type_and_class));
    return (size_t)(at - ret_question) + sizeof(type_and_class);
}

bool question_is_answered_by(const unsigned char *question, size_t question_size, const unsigned char *answer,
                             size_t answer_size, const struct in_addr *address)
{
    if (answer_size < question_size || memcmp(answer, question, 2) != 0 || !(answer[2] & 0x80) ||
        answer[3] & 0x0f)
        return false;
    for (size_t i = question_size; i + sizeof(*address) <= answer_size; i++)
        if (memcmp(answer + i, address, sizeof(*address)) == 0)
            return true;
    return false;
}
