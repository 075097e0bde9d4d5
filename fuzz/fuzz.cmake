# fuzz.cmake: what the preset fuzz builds beside torn.
#
#   fuzz_<target>     libFuzzer over cases of one target: `torn fuzz` starts it
#   fuzz_parse_<x>    libFuzzer over a text that torn reads

execute_process(COMMAND ${CMAKE_C_COMPILER} --print-runtime-dir
	OUTPUT_VARIABLE runtime_dir OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
# libFuzzer without its main: torn calls LLVMFuzzerRunDriver when it is ready to.
find_file(FUZZER_LIBRARY REQUIRED NO_DEFAULT_PATH
	NAMES libclang_rt.fuzzer_no_main-x86_64.a libclang_rt.fuzzer_no_main.a
	PATHS ${runtime_dir} ${runtime_dir}/../x86_64-unknown-linux-gnu)

# ------------------------------------------------------------------ targets

# Coverage of the code under test, and of nothing else: an edge in the engine
# would make each case look new. No trace-cmp: a target never sees the text that
# is fuzzed, so its comparisons say nothing about it.
foreach(system IN LISTS targets planted ITEMS targets_go)
	target_compile_options(${system} PRIVATE
		-fsanitize-coverage=inline-8bit-counters,pc-table)
endforeach()

# targets/SYSTEM/SYSTEM.PRIMITIVE.c is the target SYSTEM.PRIMITIVE; files without a dot help.
function(torn_fuzz_target source)
	cmake_path(GET source STEM LAST_ONLY name)
	cmake_path(GET source PARENT_PATH folder)
	cmake_path(GET folder FILENAME system)
	add_executable(fuzz_${name} fuzz/entry.c)
	target_compile_definitions(fuzz_${name} PRIVATE TORN_FUZZ_TARGET="${name}")
	target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer-no-link)
	target_link_libraries(fuzz_${name} PRIVATE
		${rooms} targets_go PkgConfig::fiu PkgConfig::liburing ${FUZZER_LIBRARY} stdc++ m)
	# Of its system only what it is made of: another target's code would stay uncovered.
	set(objects "$<TARGET_OBJECTS:targets_${system}>")
	string(REPLACE "." "[.]" pattern "${name}")
	target_sources(fuzz_${name} PRIVATE
		"$<FILTER:${objects},EXCLUDE,/[^/]*[.][^/]*[.]c[.]o$>"
		"$<FILTER:${objects},INCLUDE,/${pattern}[.]c[.]o$>")
endfunction()

file(GLOB entry CONFIGURE_DEPENDS fuzz/entry.c)
if(entry)
	file(GLOB sources CONFIGURE_DEPENDS targets/*/*.*.c)
	list(FILTER sources EXCLUDE REGEX "_test\\.c$")
	if(NOT sources)
		message(FATAL_ERROR "no target found")
	endif()
	foreach(source IN LISTS sources)
		torn_fuzz_target(${source})
	endforeach()
endif()

# The engine runs under the sanitizers in the preset test. Here it would only be slow.
foreach(room IN LISTS rooms)
	target_compile_options(${room} PRIVATE -O2 -fno-sanitize=all)
endforeach()

# ------------------------------------------------------------------ parsers

# What reads the texts, once more and with all of libFuzzer's instruments: the
# objects above stay without. The files that claim have none, or a claim would
# look like something new in the parser.
set(parsers
	fuzz/blob_name.c fuzz/case.c fuzz/case_print.c fuzz/case_whole.c fuzz/cut_text.c fuzz/expected.c fuzz/fault_text.c fuzz/nouns.c fuzz/old_text.c
	fuzz/program_text.c fuzz/regular.c fuzz/sort.c fuzz/words.c injectors/arena.c injectors/calls.c)
# They name presets and effects, which stand beside what is done with them.
list(APPEND parsers injectors/device_fs.c injectors/durable.c injectors/durable_btrfs.c injectors/effects.c injectors/fold.c injectors/log.c
	injectors/presets.c injectors/tree.c)
add_library(torn_parsers OBJECT ${parsers})
target_include_directories(torn_parsers PRIVATE ${XXHASH_INCLUDE_DIR})
target_compile_options(torn_parsers PRIVATE -fsanitize=fuzzer-no-link)
add_library(torn_fuzz_parse OBJECT fuzz/fuzz_parse.c)

file(GLOB sources CONFIGURE_DEPENDS fuzz/fuzz_parse_*.c)
if(NOT sources)
	message(FATAL_ERROR "no fuzzer of a parser found")
endif()
foreach(source IN LISTS sources)
	cmake_path(GET source STEM name)
	add_executable(${name} ${source})
	target_link_options(${name} PRIVATE -fsanitize=fuzzer)
	target_link_libraries(${name} PRIVATE torn_parsers torn_fuzz_parse)
	torn_test(${name} ${BASH} ${CMAKE_SOURCE_DIR}/fuzz/fuzz_parse.sh $<TARGET_FILE:${name}>)
endforeach()

# What else wants fuzz binaries to be tested with.
file(GLOB sources CONFIGURE_DEPENDS fuzz/fuzz_*_test.sh)
foreach(source IN LISTS sources)
	cmake_path(GET source FILENAME name)
	torn_test(${name} ${BASH} ${source})
endforeach()
# As in the other presets: one looks for what the other has set up.
set_tests_properties(fuzz_disk_test.sh PROPERTIES RESOURCE_LOCK disks)
