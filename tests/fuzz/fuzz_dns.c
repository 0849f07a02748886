/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Packets as a task may send them to the responder: nothing is read beyond them, an answer of ours is a
 * message that can be read, belongs to the question, and is no amplifier.
 */
#include <ldns/ldns.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fakes/fake_zone.h"
#include "names/dns_answer.h"
#include "names/dns_directory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int claim)
{
    if (!claim)
        abort();
}

static void check(const uint8_t *query, const struct dns_question *question, const uint8_t *answer,
                  size_t size, int is_udp)
{
    ldns_pkt *packet = NULL;

    require(size >= DNS_HEADER_SIZE && size <= DNS_MESSAGE_MAX);
    require(!is_udp || (size <= 4 * question->message_size && size <= DNS_UDP_LARGEST));
    require(answer[0] == query[0] && answer[1] == query[1] && answer[2] & 0x80);
    require(memcmp(answer + DNS_HEADER_SIZE, query + DNS_HEADER_SIZE, question->wire_size + 4) == 0);
    require(dns_message_answers(answer, size, question));
    require(ldns_wire2pkt(&packet, answer, size) == LDNS_STATUS_OK);
    ldns_pkt_free(packet);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct dns_port ports[] = {{80, TCP}, {443, TCP}, {53, UDP}, {53, TCP}, {8080, TCP}};
    static const char *const search[] = {"example.com", "a", NULL};
    const struct dns_name names[] = {
        {"a", ip_address_from_v4(0x7fff0001), {{0xfd, [15] = 1}}, true, ports, 5},
        {"db.internal", ip_address_from_v4(0x7fff0002), {{0xfd, [15] = 2}}, false, ports, 1},
    };
    const struct fake_service services[] = {{"web", &names[0]}, {"bare", NULL}};
    static const char *const suffixes[] = {"ns", "ns.svc.cluster.local", NULL};
    struct fake_zone all = {.names = names, .n_names = 2, .services = services, .n_services = 2};
    struct dns_zone zone = fake_zone_view(&all);
    const struct dns_view view = {.zone = &zone, .search = search, .ttl = 5};
    const struct dns_found found = {
        .kind = size % 4,
        .records = {true, false, (uint8_t)(size / 4 % 16), {1, 2, 3, 4}},
        .canonical = size % 5 ? "elsewhere.example.com" : "a..b",
        .endpoints = {{{{[10] = 0xff, 0xff, 10, 0, 0, 1}}, 80, "a"},
                      {{{0xfd, [15] = 1}}, 81, "b-2.c"},
                      {{{[10] = 0xff, 0xff, 10, 0, 0, 2}},
                       82,
                       "an-instance-with-a-name-that-fills-up-its-label-to-the-very-end"}},
        .n = 3,
    };
    struct dns_question question;
    uint8_t *copy = malloc(size + 1); /* of that size, so that a read beyond it is seen */

    zone.suffixes = suffixes;
    require(copy != NULL);
    memcpy(copy, data, size);
    if (dns_message_read(copy, size, &question) == DNS_QUERY) {
        uint8_t *failure = malloc(size);

        require(failure && dns_message_fail(copy, &question, DNS_SERVFAIL, failure) <= size);
        free(failure);
        for (int is_udp = 0; is_udp < 2; is_udp++) {
            uint8_t *answer = NULL;
            size_t length = 0;

            if (dns_answer_build(&view, &question, is_udp, &answer, &length) == 0)
                check(copy, &question, answer, length, is_udp);
            else
                require(!dns_answer_is_ours(&view, &question));
            free(answer);
            answer = NULL;
            if (dns_directory_build(&found, 5, &question, is_udp, &answer, &length) == 0)
                check(copy, &question, answer, length, is_udp);
            free(answer);
        }
    }
    (void)dns_message_answers(copy, size, &question);
    free(copy);
    return 0;
}
