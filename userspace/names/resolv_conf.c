/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "names/resolv_conf.h"

#include <stdbool.h>
#include <string.h>

#define BLANKS " \t\r"

static bool resolv_conf_next_word(const char **text, size_t *ret_length)
{
    *text += strspn(*text, BLANKS);
    *ret_length = strcspn(*text, BLANKS "\n");
    return *ret_length > 0;
}

static bool is_word(const char *text, size_t length, const char *word)
{
    return length == strlen(word) && strncmp(text, word, length) == 0;
}

static bool is_link_local(const struct ip_address *address)
{
    return address->bytes[0] == 0xfe && (address->bytes[1] & 0xc0) == 0x80;
}

/* As C libraries have it, an address without a zone may have one after it, which then says nothing. */
static void add_nameserver(struct resolv_conf *conf, const char *text, size_t length)
{
    const char *percent = memchr(text, '%', length);
    size_t address_length = percent ? (size_t)(percent - text) : length;
    size_t zone_length = percent ? length - address_length - 1 : 0;
    struct ip_address *address;
    char copy[IP_ADDRESS_TEXT_SIZE];

    if (conf->n_nameservers == SVC_NAMESERVERS || address_length >= sizeof(copy))
        return;
    address = &conf->nameservers[conf->n_nameservers];
    memcpy(copy, text, address_length);
    copy[address_length] = '\0';
    if (ip_address_parse(copy, address) < 0)
        return;
    if (is_link_local(address) && zone_length < RESOLV_CONF_ZONE_SIZE && zone_length > 0)
        memcpy(conf->zones[conf->n_nameservers], percent + 1, zone_length);
    conf->n_nameservers++;
}

static void add_domain(struct resolv_conf *conf, const char *text, size_t length)
{
    char *domain;

    if (conf->n_domains >= RESOLV_CONF_DOMAINS)
        return;
    domain = conf->domains[conf->n_domains];
    if (length > 0 && text[length - 1] == '.')
        length--;
    if (length == 0 || length >= DNS_NAME_SIZE)
        return;
    for (size_t i = 0; i < length; i++)
        domain[i] = (char)(text[i] >= 'A' && text[i] <= 'Z' ? text[i] - 'A' + 'a' : text[i]);
    domain[length] = '\0';
    conf->n_domains++;
}

static void read_line(struct resolv_conf *conf, const char *line)
{
    size_t length;
    bool is_search, is_domain;

    if (!resolv_conf_next_word(&line, &length) || *line == '#' || *line == ';')
        return;
    is_search = is_word(line, length, "search");
    is_domain = is_word(line, length, "domain");
    if (is_word(line, length, "nameserver")) {
        line += length;
        if (resolv_conf_next_word(&line, &length))
            add_nameserver(conf, line, length);
    } else if (is_search || is_domain) {
        conf->n_domains = 0; /* the last line of either kind holds */
        line += length;
        while (resolv_conf_next_word(&line, &length) && (is_search || conf->n_domains == 0)) {
            add_domain(conf, line, length);
            line += length;
        }
    }
}

void resolv_conf_read(const char *text, struct resolv_conf *ret_conf)
{
    *ret_conf = (struct resolv_conf){0};
    while (*text) {
        read_line(ret_conf, text);
        text += strcspn(text, "\n");
        text += *text == '\n';
    }
    if (ret_conf->n_nameservers == 0)
        ret_conf->nameservers[ret_conf->n_nameservers++] = ip_address_from_v4(0x7f000001);
}
