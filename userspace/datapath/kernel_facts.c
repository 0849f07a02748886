/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Where this kernel keeps what no context of a program tells (bpf/kernel_facts.bpf.h): found by name in the
 * description of its types that it carries itself. Nothing depends on it: what is not found is not known.
 */
#include <errno.h>
#include <string.h>
#include <bpf/btf.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "datapath/kernel.h"

#define MAX_DEPTH 6 /* of structs within a struct */

/* Bits from the beginning of the struct, and how many: 0 for a field that is none of a bit field. */
struct field {
    __u32 bits;
    __u32 width;
};

/* Looks into unnamed members as well, and into the first one, which the kernel's sockets inherit by. */
static bool find_field(const struct btf *btf, __u32 id, const char *name, int depth, struct field *ret_field)
{
    const struct btf_type *type = btf__type_by_id(btf, id);
    const struct btf_member *members;

    while (type && (btf_is_mod(type) || btf_is_typedef(type)))
        type = btf__type_by_id(btf, type->type);
    if (!type || !btf_is_composite(type) || depth > MAX_DEPTH)
        return false;
    members = btf_members(type);
    for (__u32 i = 0; i < btf_vlen(type); i++) {
        const char *member = btf__name_by_offset(btf, members[i].name_off);
        __u32 bits = btf_member_bit_offset(type, i);
        struct field field;

        if (strcmp(member, name) == 0) {
            *ret_field = (struct field){bits, btf_member_bitfield_size(type, i)};
            return true;
        }
        if ((!*member || bits == 0) && find_field(btf, members[i].type, name, depth + 1, &field)) {
            field.bits += bits;
            *ret_field = field;
            return true;
        }
    }
    return false;
}

static bool datapath_kernel_facts_find(const struct btf *btf, const char *structure, const char *name,
                                       struct field *ret_field)
{
    __s32 id = btf__find_by_name_kind(btf, structure, BTF_KIND_STRUCT);

    return id > 0 && find_field(btf, (__u32)id, name, 0, ret_field);
}

static void find_word(const struct btf *btf, const char *structure, const char *name,
                      struct svc_kernel_fact *fact)
{
    struct field field;

    if (datapath_kernel_facts_find(btf, structure, name, &field) && field.width == 0 && field.bits % 8 == 0)
        *fact = (struct svc_kernel_fact){.offset = field.bits / 8, .bytes = 4};
}

static void find_bit(const struct btf *btf, const char *structure, const char *name,
                     struct svc_kernel_fact *fact)
{
    struct field field;

    /* Bits are counted from the lowest of the lowest byte, where numbers begin with that. */
    if (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ &&
        datapath_kernel_facts_find(btf, structure, name, &field) && field.width == 1)
        *fact = (struct svc_kernel_fact){.offset = field.bits / 8, .bytes = 1, .shift = field.bits % 8};
}

static bool may_read(enum bpf_prog_type type)
{
    return libbpf_probe_bpf_helper(type, BPF_FUNC_probe_read_kernel, NULL) == 1;
}

bool kernel_facts_find(struct kernel_facts *ret_facts)
{
    struct kernel_facts facts = {0};
    struct btf *btf;

    *ret_facts = facts;
    if (!may_read(BPF_PROG_TYPE_SOCK_OPS) || !may_read(BPF_PROG_TYPE_CGROUP_SOCK_ADDR))
        return false;
    btf = btf__load_vmlinux_btf();
    if (!btf)
        return false;
    find_word(btf, "sock", "sk_err", &facts.error);
    find_bit(btf, "sock_common", "skc_ipv6only", &facts.ipv6_only);
    find_bit(btf, "tcp_sock", "fastopen_connect", &facts.defers_syn);
    btf__free(btf);
    *ret_facts = facts;
    return facts.error.bytes && facts.ipv6_only.bytes && facts.defers_syn.bytes;
}
