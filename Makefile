# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
# make            the daemon and the CLI in build/
# make test       everything scripts/test runs (root); make unit: unit tests only
# make lint       format, static analysis, include layering
# make fuzz       libFuzzer targets in build/fuzz (clang's runtime: libclang-rt-dev)
# make deb, rpm   packages in build/packages; make image: an OCI image there
# make site       the documents for a browser, in build/site
# make install    to DESTDIR, PREFIX; make uninstall takes away what it put there
VERSION   := 0.1.0
PREFIX    ?= /usr/local
BUILD     ?= build
CC        := gcc
CLANG     ?= clang
BPFTOOL   ?= $(firstword $(wildcard /usr/sbin/bpftool /usr/local/sbin/bpftool) bpftool)
Q         := $(if $(V),,@)
PKGS      := libbpf zlib libevent libcurl sqlite3 libcjson ldns libcrypto libcares
MULTIARCH := $(shell $(CC) -print-multiarch 2>/dev/null)

WARN      := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wvla -Wundef
OPTIMIZE  ?= -O2 -D_FORTIFY_SOURCE=2 -fstack-protector-strong
CFLAGS    += -std=gnu17 -g -D_GNU_SOURCE $(WARN) $(if $(NO_WERROR),,-Werror) $(OPTIMIZE) $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-omit-frame-pointer)
CPPFLAGS  += -Iinclude -Iuserspace -I$(BUILD)/bpf -DSVC_VERSION='"$(VERSION)"' $(shell pkg-config --cflags $(PKGS)) -MMD -MP
LDFLAGS   += -Wl,-z,relro,-z,now $(if $(SANITIZE),-fsanitize=$(SANITIZE))
LDLIBS    := $(shell pkg-config --libs $(PKGS)) -lm -lpthread
# The daemon's memory; a sanitizer brings its own. Nothing but the symbols of malloc() asks for it, so it is named as needed.
DAEMON_LIBS := $(if $(SANITIZE),,-Wl,--push-state,--no-as-needed $(shell pkg-config --libs jemalloc) -Wl,--pop-state)

CLI_LIBS    := $(shell pkg-config --libs ncursesw)

LIB_SRCS    := $(filter-out userspace/daemon/main.c userspace/oci_runtime/main.c userspace/cli/%,$(wildcard userspace/*/*.c userspace/*/*/*.c))
CLI_SRCS    := $(wildcard userspace/cli/*.c userspace/cli/*/*.c)
UNIT_SRCS   := $(wildcard tests/unit/*/*.c)
FAKE_SRCS   := $(wildcard tests/fakes/*.c)
TOOL_SRCS   := $(wildcard tests/support/*.c)
BENCH_SRCS  := $(filter-out %.bpf.c,$(wildcard tests/bench/*.c))
LIB         := $(BUILD)/libsvcconnect.a
FAKES       := $(BUILD)/libfakes.a
SKELETON    := $(BUILD)/bpf/svcconnect.skel.h
PAGE        := userspace/observe/web/page
PAGE_FILES  := $(shell find $(PAGE) -type f ! -name '.*')
objects      = $(patsubst %.c,$(BUILD)/%.o,$(1))
UNIT_TESTS  := $(patsubst %.c,$(BUILD)/%,$(UNIT_SRCS))
TOOLS       := $(patsubst %.c,$(BUILD)/%,$(TOOL_SRCS)) $(BUILD)/tests/support/preload/kill_at.so $(BUILD)/tests/support/preload/wall_clock.so
BENCHES     := $(patsubst %.c,$(BUILD)/%,$(BENCH_SRCS)) $(patsubst %.c,$(BUILD)/%.so,$(wildcard tests/bench/preload/*.c)) $(BUILD)/tests/bench/frames.o

all: $(BUILD)/svcconnectd $(BUILD)/svcconnect $(BUILD)/svcconnect-oci-runtime

help:
	@sed -n '2,/^VERSION/s/^# //p' Makefile

$(BUILD)/svcconnectd: $(call objects,userspace/daemon/main.c) $(LIB)
	$(Q)$(CC) $(LDFLAGS) $^ $(DAEMON_LIBS) $(LDLIBS) -o $@

$(BUILD)/svcconnect: $(call objects,$(CLI_SRCS)) $(LIB)
	$(Q)$(CC) $(LDFLAGS) $^ $(CLI_LIBS) $(LDLIBS) -o $@

# Few libraries: it runs at every step of every container.
$(BUILD)/svcconnect-oci-runtime: $(call objects,userspace/oci_runtime/main.c) $(LIB)
	$(Q)$(CC) $(LDFLAGS) $^ $(shell pkg-config --libs libcjson) -lm -o $@

# The page's files as they are, in the daemon.
$(BUILD)/page/page_files.c: scripts/embed-page $(PAGE_FILES) $(PAGE)
	$(Q)mkdir -p $(@D) && scripts/embed-page $(PAGE) > $@

$(BUILD)/page/page_files.o: $(BUILD)/page/page_files.c Makefile
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -c $< -o $@

# Which commit this is, written anew only when it is another one. A copy without its history says COMMIT=...
$(BUILD)/commit/commit.c: FORCE
	$(Q)mkdir -p $(@D) && c='$(or $(COMMIT),$(shell git describe --always --dirty --abbrev=12 --exclude '*' 2>/dev/null),unknown)' && \
	    t="#include \"base/commit.h\"$$(printf '\nconst char commit_of_build[] = "%s";' "$$c")" && \
	    { [ "$$t" = "$$(cat $@ 2>/dev/null)" ] || printf '%s\n' "$$t" > $@; }

$(BUILD)/commit/commit.o: $(BUILD)/commit/commit.c Makefile
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -c $< -o $@

$(LIB): $(call objects,$(LIB_SRCS)) $(BUILD)/page/page_files.o $(BUILD)/commit/commit.o
	$(Q)rm -f $@ && ar qcs $@ $^

# What unit tests put in the place of a registry or a disk; in no program of ours.
$(FAKES): $(call objects,$(FAKE_SRCS))
	$(Q)rm -f $@ && ar qcs $@ $^

$(BUILD)/%.o: %.c Makefile | $(SKELETON)
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(CFLAGS) -c $< -o $@

# -mcpu=v2: atomics of v3 do not load on the oldest supported kernel, and nothing here needs them.
BPF_FLAGS := -g -O2 -fdebug-prefix-map=$(CURDIR)=. -mcpu=v2 -Wall -Wextra -Werror --target=bpf -Iinclude -idirafter /usr/include/$(MULTIARCH)

$(BUILD)/bpf/%.bpf.o: bpf/%.bpf.c Makefile
	$(Q)mkdir -p $(@D) && $(CLANG) $(BPF_FLAGS) -MMD -MP -c $< -o $@

# The same with the sizes of its stack frames, which scripts/bench --guard adds up.
$(BUILD)/tests/bench/frames.o: bpf/svcconnect.bpf.c $(BUILD)/bpf/svcconnect.bpf.o Makefile
	$(Q)mkdir -p $(@D) && $(CLANG) $(BPF_FLAGS) -fstack-size-section -c $< -o $@

$(BUILD)/bpf/%.skel.h: $(BUILD)/bpf/%.bpf.o
	$(Q)$(BPFTOOL) gen skeleton $< > $@

# The tests themselves are compiled once and run once: four times as fast to make, and no slower where it counts.
UNIT_CFLAGS := -Itests $(CFLAGS) -Werror=unused-function -U_FORTIFY_SOURCE -O0

# The parts of the command line that take text and give text.
$(BUILD)/tests/unit/cli/%: tests/unit/cli/%.c $(call objects,$(filter-out userspace/cli/main.c,$(CLI_SRCS))) $(LIB) Makefile
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(UNIT_CFLAGS) $(filter %.c %.o %.a,$^) $(LDFLAGS) $(CLI_LIBS) $(LDLIBS) -lcmocka -o $@

$(BUILD)/tests/unit/%: tests/unit/%.c $(FAKES) $(LIB) Makefile
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(UNIT_CFLAGS) $< $(FAKES) $(LIB) $(LDFLAGS) $(LDLIBS) -lcmocka -o $@

$(BUILD)/tests/support/%: tests/support/%.c Makefile
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(CFLAGS) $< $(LDFLAGS) -o $@

BENCH_SKELETONS := $(BUILD)/tests/bench/bench.skel.h $(BUILD)/tests/bench/least.skel.h

$(BUILD)/tests/bench/%.bpf.o: tests/bench/%.bpf.c Makefile
	$(Q)mkdir -p $(@D) && $(CLANG) -g -O2 -mcpu=v2 -Wall -Wextra -Werror -Iinclude --target=bpf -idirafter /usr/include/$(MULTIARCH) -MMD -MP -c $< -o $@

$(BENCH_SKELETONS): %.skel.h: %.bpf.o
	$(Q)$(BPFTOOL) gen skeleton $< > $@

$(BUILD)/tests/bench/%: tests/bench/%.c $(LIB) $(BENCH_SKELETONS) Makefile
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) -I$(BUILD)/tests/bench $(CFLAGS) $< $(LIB) $(LDFLAGS) $(LDLIBS) -o $@

$(BUILD)/tests/bench/preload/%.so: tests/bench/preload/%.c Makefile
	$(Q)mkdir -p $(@D) && $(CC) -std=gnu17 -g -D_GNU_SOURCE $(WARN) -Werror -O2 -fPIC -shared $< -o $@

$(BUILD)/tests/support/preload/%.so: tests/support/preload/%.c Makefile
	$(Q)mkdir -p $(@D) && $(CC) -std=gnu17 -g -D_GNU_SOURCE $(WARN) -Werror -O2 -fPIC -shared $< -ldl -o $@

# Static: it runs in a virtual machine that has nothing else (scripts/test-kernels).
$(BUILD)/tests/kernels/%: tests/kernels/%.c Makefile
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(CFLAGS) $< -static -o $@

# For clangd: every C file with the flags it is compiled with here.
compile_commands.json: export COMPILE = $(CC) $(CPPFLAGS) $(CFLAGS) -c
compile_commands.json: export SOURCES = $(LIB_SRCS) userspace/daemon/main.c userspace/oci_runtime/main.c $(CLI_SRCS) $(UNIT_SRCS) $(TOOL_SRCS)
compile_commands.json: Makefile
	$(Q)python3 -c 'import json, os; print(json.dumps([{"directory": os.getcwd(), "file": file, "command": os.environ["COMPILE"] + " " + file} \
	    for file in os.environ["SOURCES"].split()], indent=1))' > $@

unit-tests: $(UNIT_TESTS)
tools: $(TOOLS) $(BENCHES)

# make fuzz: fuzzers in build/fuzz/, with a library of their own made by clang with its coverage.
FUZZ_SRCS     := $(wildcard tests/fuzz/*.c)
FUZZ_LIB_SRCS := $(wildcard userspace/base/*.c userspace/settings/*.c userspace/model/*.c \
    userspace/registry/*.c userspace/documents/*.c userspace/names/*.c userspace/aws/*.c userspace/http/request.c userspace/http/fetch_url.c userspace/observe/web/web_guard.c userspace/dns/tcp.c \
    userspace/daemon/config*.c userspace/engine/*.c userspace/engine/*/*.c userspace/routing/*.c userspace/api/change/*.c \
    userspace/events/*.c userspace/datapath/*.c userspace/canaries/*.c userspace/upkeep/outliers.c userspace/upkeep/spill.c userspace/containers/runtimes_text.c \
    userspace/containers/host_address.c userspace/tasks/*.c userspace/cgroups/*.c userspace/registry/sqlite/*.c userspace/registry/etcd/etcd_settings.c tests/fakes/*.c)
FUZZERS       := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(FUZZ_SRCS))
FUZZ_COVERAGE := $(if $(COVERAGE),-fprofile-instr-generate -fcoverage-mapping)
FUZZ_CC       := $(CLANG) $(FUZZ_COVERAGE) -std=gnu17 -g -O1 -D_GNU_SOURCE $(WARN) -Iinclude -Iuserspace -fno-sanitize-recover=undefined -MMD -MP
FUZZ_LIB      := $(BUILD)/fuzz/libsvcconnect.a

fuzz: $(FUZZERS)

$(BUILD)/fuzz/objects/%.o: %.c Makefile | $(SKELETON)
	$(Q)mkdir -p $(@D) && $(FUZZ_CC) -fsanitize=fuzzer-no-link,address,undefined $$(pkg-config --cflags $(PKGS)) -Itests -I$(BUILD)/bpf -c $< -o $@

$(FUZZ_LIB): $(patsubst %.c,$(BUILD)/fuzz/objects/%.o,$(FUZZ_LIB_SRCS))
	$(Q)rm -f $@ && ar qcs $@ $^

$(BUILD)/fuzz/%: tests/fuzz/%.c $(FUZZ_LIB) Makefile
	$(Q)mkdir -p $(@D) && $(FUZZ_CC) -fsanitize=fuzzer,address,undefined $$(pkg-config --cflags $(PKGS)) -Itests $< $(FUZZ_LIB) \
	    $$(pkg-config --libs libcjson ldns libcrypto libevent sqlite3 libbpf) -lcmocka -lpthread -lm -o $@

unit: unit-tests
	$(Q)status=0; for t in $(UNIT_TESTS); do ./$$t || status=1; done; exit $$status

test:
	$(Q)./scripts/test

lint:
	$(Q)./scripts/lint

install: all
	$(Q)BUILD='$(BUILD)' DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' scripts/install-files install

uninstall:
	$(Q)BUILD='$(BUILD)' DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' scripts/install-files uninstall

# In a copy of what is committed, so that nothing of a build lies about; SOURCE_DATE_EPOCH is the changelog's.
deb:
	$(Q)BUILD='$(BUILD)' scripts/package deb

rpm:
	$(Q)BUILD='$(BUILD)' scripts/package rpm

# For docker load and podman load; the libraries are this system's.
image: all
	$(Q)BUILD='$(BUILD)' scripts/image

# The documents as pages for a browser; scripts/install-deps site.
site:
	$(Q)mkdocs build -q -d '$(abspath $(BUILD))/site' && echo '$(BUILD)/site/index.html'

clean:
	rm -rf $(BUILD)

.PHONY: FORCE all help unit-tests tools fuzz unit test lint install uninstall deb rpm image site clean
.DELETE_ON_ERROR:
.SECONDARY:
-include $(shell find $(BUILD) -path $(BUILD)/kernels -prune -o -name '*.d' -type f -print 2>/dev/null)
