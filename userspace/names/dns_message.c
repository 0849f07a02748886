/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "names/dns_message.h"

#include <string.h>
#include <strings.h>

#define FLAG_ANSWER     0x80 /* first flag byte */
#define FLAGS_OPERATION 0x78
#define FLAG_RECURSION  0x01
#define FLAG_CHECKING   0x10 /* second flag byte */
#define FLAG_AVAILABLE  0x80
#define LABEL_MAX       63

static uint16_t read16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

static uint8_t to_lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c;
}

static bool is_plain_byte(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* The name at `at`, without compression. Returns its size on the wire, 0 if there is none. */
static size_t read_name(const uint8_t *at, size_t room, struct dns_question *question)
{
    size_t used = 0;
    size_t text = 0;

    question->is_plain = true;
    for (;;) {
        size_t length;

        if (used >= room || used >= sizeof(question->wire) - 1)
            return 0;
        length = at[used++];
        if (length == 0)
            break;
        if (length > LABEL_MAX || used + length >= room || used + length >= sizeof(question->wire) - 1)
            return 0;
        if (text > 0)
            question->name[text++] = '.';
        for (size_t i = 0; i < length; i++) {
            uint8_t c = to_lower(at[used + i]);

            question->is_plain = question->is_plain && is_plain_byte(c);
            question->name[text++] = (char)c;
        }
        used += length;
    }
    question->name[text] = '\0';
    memcpy(question->wire, at, used);
    question->wire_size = used;
    return used;
}

/* What stands behind the question: an OPT record of the root, or something that this is not about. */
static void read_edns(const uint8_t *at, size_t room, struct dns_question *question)
{
    if (room < 11 || at[0] != 0 || read16(at + 1) != DNS_OPT)
        return;
    question->has_edns = true;
    question->udp_size = read16(at + 3);
    question->edns_version = at[6];
    question->is_dnssec_ok = at[7] & 0x80;
    if (question->udp_size < DNS_UDP_SIZE)
        question->udp_size = DNS_UDP_SIZE;
}

enum dns_verdict dns_message_read(const uint8_t *message, size_t size, struct dns_question *ret_question)
{
    struct dns_question question = {.udp_size = DNS_UDP_SIZE, .message_size = size};
    size_t at = DNS_HEADER_SIZE;
    size_t length;

    if (size < DNS_HEADER_SIZE || size > DNS_MESSAGE_MAX || message[2] & FLAG_ANSWER)
        return DNS_DROP;
    question.id = read16(message);
    question.is_recursion_desired = message[2] & FLAG_RECURSION;
    question.is_checking_disabled = message[3] & FLAG_CHECKING;
    ret_question->id = question.id;
    if (message[2] & FLAGS_OPERATION || read16(message + 4) != 1 || read16(message + 6) != 0 ||
        read16(message + 8) != 0)
        return DNS_OTHER;
    length = read_name(message + at, size - at, &question);
    if (length == 0 || size - at - length < 4)
        return DNS_BROKEN;
    at += length;
    question.type = read16(message + at);
    question.class = read16(message + at + 2);
    at += 4;
    if (read16(message + 10) > 0)
        read_edns(message + at, size - at, &question);
    *ret_question = question;
    return DNS_QUERY;
}

void dns_message_refuse(const uint8_t *query, enum dns_rcode rcode, uint8_t answer[static DNS_HEADER_SIZE])
{
    answer[0] = query[0];
    answer[1] = query[1];
    answer[2] = (uint8_t)(FLAG_ANSWER | (query[2] & (FLAGS_OPERATION | FLAG_RECURSION)));
    answer[3] = (uint8_t)(FLAG_AVAILABLE | (unsigned)rcode);
    memset(answer + 4, 0, DNS_HEADER_SIZE - 4);
}

size_t dns_message_fail(const uint8_t *query, const struct dns_question *question, enum dns_rcode rcode,
                        uint8_t *answer)
{
    size_t size = question->wire_size + 4;

    memmove(answer + DNS_HEADER_SIZE, query + DNS_HEADER_SIZE, size);
    dns_message_refuse(query, rcode, answer);
    answer[5] = 1;
    return DNS_HEADER_SIZE + size;
}

bool dns_message_answers(const uint8_t *answer, size_t size, const struct dns_question *question)
{
    struct dns_question other;
    const uint8_t *at = answer + DNS_HEADER_SIZE;
    size_t length;

    if (size < DNS_HEADER_SIZE || !(answer[2] & FLAG_ANSWER))
        return false;
    /* A server that refuses may leave the question out. */
    if (read16(answer + 4) == 0)
        return size == DNS_HEADER_SIZE;
    length = read_name(at, size - DNS_HEADER_SIZE, &other);
    return length > 0 && size - DNS_HEADER_SIZE - length >= 4 && length == question->wire_size &&
           strcmp(other.name, question->name) == 0 && read16(at + length) == question->type &&
           read16(at + length + 2) == question->class;
}
