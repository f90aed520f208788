# One Makefile for the whole tree: nothing recursive, nothing listed by hand.
# A new service is a new folder under services/ and a new file proto/<name>/v1/<name>.proto.

MAKEFLAGS += --no-builtin-rules --no-print-directory -j$(shell nproc)
.SUFFIXES:
.DELETE_ON_ERROR:
.SECONDEXPANSION:
.SECONDARY:
.DEFAULT_GOAL := all

# ---- Variants: one object tree each, so switching never rebuilds the other ---------------------------------
VARIANT       ?= release
FLAGS_release := -O2 -g -D_FORTIFY_SOURCE=2 -fstack-protector-strong
FLAGS_debug   := -O0 -g3
FLAGS_asan    := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
FLAGS_tsan    := -O1 -g -fsanitize=thread
FLAGS_cov     := -O0 -g3 --coverage
FLAGS_fuzz    := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
# What Criterion's macros become, with a check at every access, takes the optimiser longer than all else; without it more is checked.
FLAGS_of_tests_asan := -O0
FLAGS         := $(or $(FLAGS_$(VARIANT)),$(error unknown VARIANT=$(VARIANT); there are release debug asan tsan cov fuzz))
B             := build/$(VARIANT)
BIN           := $(if $(filter release,$(VARIANT)),build/bin,$(B)/bin)

ifeq ($(origin CC),default)
CC       := $(if $(filter fuzz,$(VARIANT)),clang,gcc)
endif
# A struct is cleared by libc's memset, which ends before the "rep stos" gcc would put there has begun.
FLAGS    += $(if $(filter release,$(VARIANT)),$(shell $(CC) -mstringop-strategy=libcall -E -x c /dev/null >/dev/null 2>&1 && echo -mstringop-strategy=libcall))
PKGS     := libprotobuf-c libpq libsodium jansson libmicrohttpd
WARN     := -Wall -Wextra -Werror -Wshadow -Wvla -Wstrict-prototypes -Wmissing-prototypes -Wwrite-strings -Wcast-qual
CPPFLAGS  = -D_GNU_SOURCE -Iruntime -Igen -I. $(shell pkg-config --cflags $(PKGS))
CFLAGS   := -std=gnu2x $(WARN) $(FLAGS)
LDLIBS    = $(shell pkg-config --libs $(PKGS)) -lnng -lmbedx509 -lmbedcrypto -lm -pthread# nng 1.5 and mbedTLS 2.28 ship no .pc files
TESTLIBS  = $(shell pkg-config --libs criterion)

Q  := $(if $(V),,@)
say = $(if $(V),,@printf '  %-5s %s\n' $(1) $(2))

# ---- Packages: installed before anything else is looked at; make starts over when that is done ----------------
ifneq ($(filter-out help clean,$(or $(MAKECMDGOALS),all)),)
include build/packages.mk
endif
build/packages.mk: tools/packages.txt tools/install-packages
	@mkdir -p $(@D)
	@tools/install-packages tools/packages.txt
	@echo '# the packages of tools/packages.txt are installed' > $@

# ---- Discovery ----------------------------------------------------------------------------------------------------
SERVICES   := $(patsubst services/%/,%,$(sort $(wildcard services/*/)))
CONTRACTS  := $(patsubst proto/%.proto,%,$(sort $(wildcard proto/*/v*/*.proto)))
TEST_PROTO := $(patsubst tests/proto/%.proto,%,$(sort $(wildcard tests/proto/*/v*/*.proto)))
WELL_KNOWN := $(addprefix google/protobuf/,timestamp duration empty wrappers descriptor)
MESSAGES   := hallmark/status hallmark/audit hallmark/health hallmark/idempotency hallmark/reflection hallmark/admin $(WELL_KNOWN)
TEST_MSG   := $(patsubst tests/proto/%.proto,%,$(sort $(wildcard tests/proto/*/*.proto)))# messages without a service
# $(call gen,STEMS,SUFFIX): what the generators make
gen         = $(patsubst %,gen/%$(2),$(1))
GEN_RT     := $(call gen,$(MESSAGES),.pb-c.c) $(call gen,hallmark/audit hallmark/admin,.hm.c)# whose requests have rules
GEN_SVC    := $(call gen,$(CONTRACTS),.pb-c.c) $(call gen,$(CONTRACTS),.hm.c) $(foreach s,$(SERVICES),$(if $(wildcard services/$(s)/queries.sql),gen/$(s)/$(s).sql.c)) gen/services.c
GEN_TEST   := $(call gen,$(TEST_MSG) $(TEST_PROTO),.pb-c.c) $(call gen,$(TEST_PROTO),.hm.c) $(patsubst tests/services/%/queries.sql,%,$(wildcard tests/services/*/queries.sql))
GEN_TEST   := $(foreach f,$(GEN_TEST),$(if $(filter gen/%,$(f)),$(f),gen/$(f)/$(f).sql.c))
GEN_SQL    := $(patsubst %.sql,gen/%.sql.h,$(wildcard runtime/*/*.sql tools/check/*.sql))
GEN_HDR    := $(patsubst %.c,%.h,$(filter-out gen/services.c,$(GEN_RT) $(GEN_SVC))) $(GEN_SQL) gen/check-contracts/pages.h
# Fakes of services, for tests. A contract without a service has none.
FAKED      := $(basename $(shell grep -l '^service ' $(CONTRACTS:%=proto/%.proto) $(TEST_PROTO:%=tests/proto/%.proto)))
GEN_FAKE   := $(call gen,$(patsubst tests/proto/%,%,$(patsubst proto/%,%,$(FAKED))),.fake.c)
GEN_THDR   := $(patsubst %.c,%.h,$(GEN_TEST) $(GEN_FAKE))

TEST_SRC   := $(sort $(wildcard runtime/*/*_test.c services/*/*_test.c tools/*/*_test.c tests/*_test.c))
TEST_SUP   := $(filter-out $(TEST_SRC),$(sort $(wildcard tests/*.c tests/services/*/*.c)))
RT_SRC     := $(filter-out %_test.c,$(sort $(wildcard runtime/*/*.c)))
SVC_SRC    := $(filter-out %_test.c,$(sort $(wildcard services/*/*.c)))
CLI_SRC    := $(filter-out %_test.c,$(sort $(wildcard tools/hallmark/*.c)))
DEMO_SRC   := $(sort $(wildcard tests/demo/*.c)) tests/child.c
BENCH_SRC  := $(sort $(wildcard tests/bench/*.c))
BENCH_SUP  := $(sort $(wildcard tests/services/*/*.c))# what it calls
STRESS_SRC := $(sort $(wildcard tests/stress/*.c))
FAULTS_SRC := $(sort $(wildcard tests/faults/*.c))
CHECK_SRC  := $(filter-out %_test.c,$(sort $(wildcard tools/check/*.c))) tools/contract/options.c
CONTRACT   := $(sort $(wildcard tools/contract/*.c))# contracts as protoc has parsed them
PLUGIN_SRC := $(CONTRACT) $(filter-out %_test.c,$(sort $(wildcard tools/protoc-gen-hallmark/*.c)))
LINT_SRC   := $(CONTRACT) $(filter-out %_test.c,$(sort $(wildcard tools/check-contracts/*.c)))
LINT_PAGE  := $(sort $(wildcard tools/check-contracts/rules/*.md))
CHECK_PAGE := $(sort $(wildcard tools/check/rules/*.md tools/check/rules/live/*.md)) $(LINT_PAGE)
SQLGEN_SRC := $(filter-out %_test.c tools/sqlgen/main.c,$(sort $(wildcard tools/sqlgen/*.c)))
FUZZ_SRC   := $(sort $(wildcard tests/fuzz/*_fuzz.c))
obj         = $(patsubst %.c,$(B)/%.o,$(1))
PLUGIN     := build/tools/protoc-gen-hallmark
SQLGEN     := build/tools/sqlgen
FUZZERS    := $(FUZZ_SRC:%.c=$(B)/%)
STRESSERS  := $(STRESS_SRC:%.c=$(B)/%)

## all            build the hallmark program (build/bin/hallmark), and those that check for it
all: $(BIN)/hallmark $(BIN)/hallmark-check $(BIN)/hallmark-check-contracts compile_commands.json

## deps           install the Debian packages that are missing, and nothing else
deps: build/packages.mk

## demo           run the platform on a PostgreSQL of its own and check what it proves (JOURNAL=file.jsonl)
demo: $(BIN)/hallmark $(BIN)/hallmark-check $(BIN)/hallmark-check-contracts $(BIN)/hallmark-demo
	$(Q)$(BIN)/hallmark-demo $(JOURNAL)

# What a sanitizer finds when a test's process ends comes after the test has passed: it is a failure all the same.
REPORTS     = $(abspath $(B))/reports
# UBSan ends a program with a status of its own, which no test expects of one.
UB_STATUS   = 86
# What a thread reads of a function that has returned is found, too.
ASAN_ALSO   = detect_stack_use_after_return=1
REPORT_TO   = log_path=$(REPORTS)/of:print_suppressions=0
## test           build and run every test (VARIANT=asan: under sanitizers; SERVICE=name: that suite alone)
test: $(BIN)/hallmark $(BIN)/hallmark-check $(BIN)/hallmark-check-contracts $(B)/tests/run $(SQLGEN)
	$(Q)$(if $(SERVICE),$(B)/tests/run --list | grep -q '^$(subst *,.*,$(SERVICE)): ' || \
		{ echo 'no suite $(SERVICE): it is the first name in Test($(SERVICE), …)' >&2; exit 1; })
	$(Q)rm -rf $(REPORTS) && mkdir $(REPORTS) || exit; \
	UBSAN_OPTIONS=exitcode=$(UB_STATUS):$$UBSAN_OPTIONS ASAN_OPTIONS=$(ASAN_ALSO):$$ASAN_OPTIONS:$(REPORT_TO) TSAN_OPTIONS=$$TSAN_OPTIONS:$(REPORT_TO) $(B)/tests/run $(if $(SERVICE),--filter '$(SERVICE)/*'); \
	status=$$?; cat $(REPORTS)/* 2>/dev/null && status=1; exit $$status

## bench          measure against the limits; writes build/bench/report.json
bench: $(BIN)/hallmark $(BIN)/hallmark-bench
	$(Q)mkdir -p build/bench
	$(Q)$(BIN)/hallmark-bench

## fuzz           build the fuzz targets (VARIANT=fuzz) and run each for FUZZ_SECONDS=10
FUZZ_SECONDS ?= 10
fuzz: $(FUZZERS:=.run)
# Each has one thread, so as many run side by side as there are processors; what one says is shown as a whole when it ends.
$(FUZZERS:=.run): %.run: %
	$(Q)mkdir -p build/corpus/$(*F); \
	$< -max_total_time=$(FUZZ_SECONDS) -rss_limit_mb=2048 -verbosity=0 -print_final_stats=1 -artifact_prefix=build/$(*F)- \
	   build/corpus/$(*F) $(wildcard tests/fuzz/corpus/$(*F)) > $@.log 2>&1; \
	status=$$?; { echo "  FUZZ  $<"; cat $@.log; }; exit $$status

## stress         build and run the thread stress programs (VARIANT=tsan)
stress: $(STRESSERS)
	$(Q)for s in $^; do echo "  STRESS $$s"; $$s || exit 1; done

## faults         calls over a line that loses, delays and cuts, between network namespaces (needs root)
faults: $(B)/tests/faults/run
	$(Q)$<

## lint           layers, headers that stand alone, format, the rules
lint: layers headers format-check check

layers: all
	$(Q)tools/check-layers $(B)

## check          hold every migration and contract against the rules (docs/check.md)
check: all
	$(Q)$(BIN)/hallmark check

## rebuilds       change each contract and each SQL file in a copy, and count what is made anew
PROGRAMS = $(BIN)/hallmark $(BIN)/hallmark-check-contracts $(BIN)/hallmark-demo $(BIN)/hallmark-bench $(B)/tests/run
rebuilds: $(PROGRAMS)
	$(Q)tools/check-rebuilds '$(MAKE)' '$(B)' '$(CC) $(CPPFLAGS)' '$(PROGRAMS)' $(sort $(RT_SRC) $(SVC_SRC) $(CLI_SRC) $(LINT_SRC) $(DEMO_SRC) $(BENCH_SRC) $(BENCH_SUP) $(TEST_SRC) $(TEST_SUP) $(GEN_RT) $(GEN_SVC) $(GEN_TEST) $(GEN_FAKE))

headers: $(GEN_HDR)
	$(Q)for h in $$(find runtime -name '*.h'); do echo "#include \"$$h\"" | $(CC) $(CPPFLAGS) $(CFLAGS) -x c -fsyntax-only - || exit 1; done

# Our C files, one a line; a checkout that git will not list is an error, not a list of none.
sources = files=$$(git ls-files -co --exclude-standard '*.c' '*.h') && [ -n "$$files" ] && echo "$$files"

format-check:
	$(Q)$(sources) > build/sources && xargs clang-format < build/sources --dry-run --Werror

## format         rewrite the sources with clang-format
format:
	$(Q)$(sources) > build/sources && xargs clang-format < build/sources -i

## clean          remove everything that was built
clean:
	$(Q)rm -rf build compile_commands.json; find gen -mindepth 1 ! -name README.md -delete

## help           this list
help:
	@sed -n 's/^## /  make /p' Makefile; echo; echo "  services: $(SERVICES)"; echo "  variants: release debug asan tsan cov fuzz (make VARIANT=asan test)"

# ---- Generators ------------------------------------------------------------------------------------------------------
PROTOC := protoc -Iproto -Itests/proto -I/usr/include
TOOL_CFLAGS := -std=gnu2x $(WARN) -O1 -g -D_GNU_SOURCE -Iruntime

build/tools/google/protobuf/descriptor.pb-c.c: | build/packages.mk
	$(Q)mkdir -p build/tools
	$(Q)protoc -I/usr/include --c_out=build/tools /usr/include/google/protobuf/descriptor.proto /usr/include/google/protobuf/compiler/plugin.proto

$(PLUGIN): build/tools/google/protobuf/descriptor.pb-c.c $(PLUGIN_SRC) $(wildcard tools/protoc-gen-hallmark/*.h tools/contract/*.h) $(patsubst %,runtime/%.c,base/arena base/buffer base/status rpc/method)
	$(call say,TOOL,$@)
	$(Q)$(CC) $(TOOL_CFLAGS) -I. -isystem build/tools -o $@ $(filter tools/%.c runtime/%.c,$^) build/tools/google/protobuf/descriptor.pb-c.c build/tools/google/protobuf/compiler/plugin.pb-c.c -lprotobuf-c

$(SQLGEN): tools/sqlgen/main.c $(SQLGEN_SRC) $(wildcard tools/sqlgen/*.h) runtime/base/buffer.c runtime/base/arena.c
	$(call say,TOOL,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(TOOL_CFLAGS) -o $@ $(filter %.c,$^) -lpg_query

define proto_rules
gen/%.pb-c.c gen/%.pb-c.h &: $(1)/%.proto
	$$(call say,PB,$$<)
	$$(Q)mkdir -p $$(@D) build/dep/$$(*D)
	$$(Q)$(PROTOC) --dependency_out=build/dep/$$*.pb.d --c_out=gen $$<
gen/%.hm.c gen/%.hm.h gen/%.fake.c gen/%.fake.h gen/%.set.h &: $(1)/%.proto $(PLUGIN)
	$$(call say,HM,$$<)
	$$(Q)mkdir -p $$(@D) build/dep/$$(*D)
	$$(Q)$(PROTOC) --plugin=$(PLUGIN) --dependency_out=build/dep/$$*.hm.d --hallmark_opt=root=$(1) --hallmark_out=gen $$<
	$$(Q)$(PROTOC) --include_imports --descriptor_set_out=build/dep/$$*.set $$<
	$$(Q)od -An -v -tu1 -w32 build/dep/$$*.set | sed 's/[0-9][0-9]*/&,/g' > gen/$$*.set.h
endef
$(foreach folder,proto tests/proto /usr/include,$(eval $(call proto_rules,$(folder))))

define sql_rules
gen/$(2)/$(2).sql.c gen/$(2)/$(2).sql.h &: $(1)/queries.sql $(SQLGEN)
	$$(call say,SQL,$$<)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$(SQLGEN) $(2) $$< gen/$(2)
endef
$(foreach f,$(wildcard services/*/queries.sql tests/services/*/queries.sql),$(eval $(call sql_rules,$(patsubst %/,%,$(dir $(f))),$(notdir $(patsubst %/,%,$(dir $(f)))))))

# The runtime's own SQL as a C string literal, a line each.
$(GEN_SQL): gen/%.h: %
	$(Q)mkdir -p $(@D) && sed 's/[\\"]/\\&/g; s/^/"/; s/$$/\\n"/' $< > $@

# The pages of the checks' rules, for `hallmark check --explain`.
gen/check/pages.h: tools/check/make-pages $(CHECK_PAGE)
	$(Q)mkdir -p $(@D) && tools/check/make-pages $(CHECK_PAGE) > $@
gen/check-contracts/pages.h: tools/check/make-pages $(LINT_PAGE)
	$(Q)mkdir -p $(@D) && tools/check/make-pages $(LINT_PAGE) > $@

# The list of all services, for `hallmark serve` and the tests that walk every method. A changed contract is checked, and is no
# reason to make the list anew.
gen/services.c: tools/list-services $(wildcard services) | build/calls.checked
	$(call say,GEN,$@)
	$(Q)tools/list-services $(SERVICES) > $@

# Who calls whom: a cycle could leave workers waiting for each other.
build/calls.checked: $(CONTRACTS:%=proto/%.proto) $(PLUGIN)
	$(Q)$(if $(CONTRACTS),$(PROTOC) --plugin=$(PLUGIN) --hallmark_opt=root=proto --hallmark_opt=calls --hallmark_out=build $(CONTRACTS:%=proto/%.proto))
	$(Q)touch $@

-include $(shell find build/dep -name '*.d' 2>/dev/null)

# ---- Compile and link ----------------------------------------------------------------------------------------------
# The stamp changes only when the command line does, so new flags rebuild everything.
COMMANDS = $(CC) $(CPPFLAGS) $(CFLAGS)$(FLAGS_of_tests_$(VARIANT):%= %)
$(B)/flags: FORCE
	$(Q)mkdir -p $(@D); echo '$(COMMANDS)' | cmp -s - $@ || echo '$(COMMANDS)' > $@

# What protoc-c made is not ours to polish: no warnings.
$(B)/gen/%.o: gen/%.c $(B)/flags | $(GEN_HDR) $(GEN_THDR)
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) -std=gnu2x $(FLAGS) -MMD -MP -c -o $@ $<
$(B)/tools/check/report.o: gen/check/pages.h
$(B)/%_test.o: private CFLAGS += $(FLAGS_of_tests_$(VARIANT))
$(B)/%.o: %.c $(B)/flags | $(GEN_HDR) $(GEN_THDR)
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<
-include $(shell find $(B) -name '*.d' 2>/dev/null)

LIB      := $(B)/libhallmark.a
PLATFORM := $(B)/libservices.a
$(LIB): $(call obj,$(RT_SRC) $(GEN_RT))
$(PLATFORM): $(call obj,$(SVC_SRC) $(GEN_SVC))
$(LIB) $(PLATFORM):
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^

link = $(Q)mkdir -p $(@D) && $(CC) $(CFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(LDLIBS)

$(BIN)/hallmark: $(call obj,$(CLI_SRC)) $(PLATFORM) $(LIB)
	$(call say,LINK,$@)
	$(link)
CHECK_LIBS = -lpg_query $(shell pkg-config --libs libpq jansson) -lm -pthread
# libpg_query carries a protobuf-c of its own, and must not meet the runtime's: only what the checks need is taken out of the library.
$(BIN)/hallmark-check: $(call obj,$(CHECK_SRC) $(SQLGEN_SRC)) $(LIB)
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(CHECK_LIBS)
# Without the rest of what the runtime links: it starts in no time, once for each run of the check.
$(BIN)/hallmark-check-contracts: $(call obj,$(LINT_SRC)) $(LIB)
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CFLAGS) -o $@ $^ -lprotobuf-c -pthread
$(BIN)/hallmark-demo: $(call obj,$(DEMO_SRC)) $(PLATFORM) $(LIB)
	$(call say,LINK,$@)
	$(link)
$(BIN)/hallmark-bench: $(call obj,$(BENCH_SRC) $(BENCH_SUP) $(GEN_TEST)) $(PLATFORM) $(LIB)
	$(call say,LINK,$@)
	$(link)
$(B)/tests/run: $(call obj,$(TEST_SRC) $(TEST_SUP) $(GEN_TEST) $(GEN_FAKE)) $(PLATFORM) $(LIB)
	$(call say,LINK,$@)
	$(link) $(TESTLIBS)
# What calls no service is built without them: each variant would compile them for nothing.
$(STRESSERS): %: %.o $(call obj,$(GEN_TEST)) $(LIB)
	$(call say,LINK,$@)
	$(link)
$(B)/tests/faults/run: $(call obj,$(FAULTS_SRC) $(GEN_TEST)) $(PLATFORM) $(LIB)
	$(call say,LINK,$@)
	$(link)
$(filter-out %/sql_fuzz %/check_fuzz,$(FUZZERS)): %: %.o $(call obj,$(GEN_TEST)) $(LIB)
	$(call say,LINK,$@)
	$(link) -fsanitize=fuzzer
ifeq ($(VARIANT),tsan)
$(BIN)/hallmark $(B)/tests/run $(STRESSERS): $(call obj,tests/tsan/races.c)
$(B)/tests/run: $(call obj,tests/tsan/runner.c)# Criterion's own does not start
endif
# sqlgen's fuzzer: libpg_query carries a protobuf-c of its own and must not meet the runtime's.
$(B)/tests/fuzz/sql_fuzz: $(call obj,tests/fuzz/sql_fuzz.c $(SQLGEN_SRC) runtime/base/arena.c runtime/base/buffer.c)
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CFLAGS) -o $@ $^ -lpg_query -fsanitize=fuzzer

# The checks' fuzzer, for the same reason.
$(B)/tests/fuzz/check_fuzz: $(call obj,tests/fuzz/check_fuzz.c $(filter-out %/main.c,$(CHECK_SRC)) $(SQLGEN_SRC)) $(LIB)
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(CHECK_LIBS) -fsanitize=fuzzer

# Every compile command, for editors and clang-tidy.
compile_commands.json: Makefile $(B)/flags
	$(Q)tools/compile-commands '$(CC) $(CPPFLAGS) $(CFLAGS)' $(RT_SRC) $(SVC_SRC) $(CLI_SRC) $(TEST_SRC) > $@

FORCE:
.PHONY: all deps demo test bench fuzz $(FUZZERS:=.run) stress faults lint layers check rebuilds headers format format-check clean help FORCE
