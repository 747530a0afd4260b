# A room is one static library: moesim_<name>, its public headers in include/moesim/<name>/
# (each checked to compile alone by the target all_verify_interface_header_sets) and its sources in src/<name>/.
#
#   moesim_add_room(cluster
#     HEADERS topology.hpp ...          # below include/moesim/<name>/
#     SOURCES topology.cpp ...          # below src/<name>/
#     USES base ...                     # rooms, seen by users of this room too; arrows point down only
#     PRIVATE_USES Boost::graph ...)    # libraries that stay inside the .cpp files
function(moesim_add_room name)
  cmake_parse_arguments(PARSE_ARGV 1 ROOM "" "" "HEADERS;SOURCES;USES;PRIVATE_USES")
  moesim_record_room(${name} USES ${ROOM_USES})
  set(target moesim_${name})
  list(TRANSFORM ROOM_HEADERS PREPEND ${PROJECT_SOURCE_DIR}/include/moesim/${name}/)
  list(TRANSFORM ROOM_USES PREPEND moesim_)
  add_library(${target} STATIC ${ROOM_SOURCES})
  target_sources(${target} PUBLIC FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR}/include FILES ${ROOM_HEADERS})
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/src)
  target_compile_features(${target} PUBLIC cxx_std_20)
  target_link_libraries(${target} PUBLIC ${ROOM_USES} PRIVATE moesim_warnings fmt::fmt ${ROOM_PRIVATE_USES})
  target_link_libraries(${target} PUBLIC moesim_sanitizers)
  if(MOESIM_FUZZ AND name IN_LIST MOESIM_FUZZED_ROOMS)
    target_compile_options(${target} PRIVATE -fsanitize=fuzzer-no-link)
  endif()
  set_target_properties(${target} PROPERTIES VERIFY_INTERFACE_HEADER_SETS ON)
endfunction()

# Notes which rooms a room uses, for tests/architecture: "name;uses,...". moesim_add_room calls it; a room that is more than
# one target calls it on its own: moesim_record_room(cli USES report)
function(moesim_record_room name)
  cmake_parse_arguments(PARSE_ARGV 1 ROOM "" "" "USES")
  list(JOIN ROOM_USES "," uses)
  set_property(GLOBAL APPEND_STRING PROPERTY MOESIM_ROOMS "${name};${uses}\n")
endfunction()

# What tests, benchmarks and fuzz targets have in common: they see private headers of the rooms (src/) and find shipped
# files through the compile definition MOESIM_SOURCE_DIR, never through the working directory.
function(moesim_configure_test_program target)
  cmake_parse_arguments(PARSE_ARGV 1 TEST "" "" "USES;LIBRARIES")
  list(TRANSFORM TEST_USES PREPEND moesim_)
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/tests)
  target_compile_definitions(${target} PRIVATE MOESIM_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  target_link_libraries(${target} PRIVATE ${TEST_USES} moesim_warnings fmt::fmt ${TEST_LIBRARIES})
endfunction()

# One test program per room, with Google Test, Google Mock and rapidcheck:
#   moesim_add_test(cluster SOURCES topology_test.cpp USES cluster [LIBRARIES ...])
function(moesim_add_test name)
  cmake_parse_arguments(PARSE_ARGV 1 TEST "" "" "SOURCES;USES;LIBRARIES")
  set(target ${name}_tests)
  add_executable(${target} ${TEST_SOURCES})
  moesim_configure_test_program(${target} USES ${TEST_USES} LIBRARIES GTest::gmock_main rapidcheck_gtest ${TEST_LIBRARIES})
  # Test code is compiled far more often than it is waited for: less optimisation and no debug information in everyday
  # builds. The rooms under test keep both.
  target_compile_options(${target} PRIVATE $<$<CONFIG:RelWithDebInfo>:-O1 -g0>)
  if(MOESIM_UNITY_TESTS)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON)
  endif()
  gtest_discover_tests(${target} DISCOVERY_TIMEOUT 60)
endfunction()

# One benchmark program per room, with Google Benchmark: bench_<name>. The target `benchmarks` builds them all; where there
# are tests, each is also run once, briefly, so that none rots.
#   moesim_add_benchmark(base SOURCES quantity_bench.cpp USES base [LIBRARIES ...])
function(moesim_add_benchmark name)
  cmake_parse_arguments(PARSE_ARGV 1 BENCH "" "" "SOURCES;USES;LIBRARIES")
  set(target bench_${name})
  add_executable(${target} ${BENCH_SOURCES})
  moesim_configure_test_program(${target} USES ${BENCH_USES} LIBRARIES benchmark::benchmark_main ${BENCH_LIBRARIES})
  set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
  add_dependencies(benchmarks ${target})
  if(NOT BUILD_TESTING)
    set_target_properties(${target} PROPERTIES EXCLUDE_FROM_ALL TRUE)
  else()
    add_test(NAME bench.${name} COMMAND ${target} --benchmark_min_time=0.001)
  endif()
endfunction()

# One fuzz target: a source with LLVMFuzzerTestOneInput becomes fuzz_<name>, with libFuzzer and the sanitizers. Its test
# fuzzes for MOESIM_FUZZ_SECONDS from the seed folders (never written to); what it finds worth keeping goes to the build
# folder. For longer:  build/fuzz/bin/fuzz_<name> -max_total_time=600 build/fuzz/corpus/<name> <seeds>
#   moesim_add_fuzzer(scenario SOURCES scenario_fuzzer.cpp USES scenario [LIBRARIES ...]
#                     SEEDS ${PROJECT_SOURCE_DIR}/configs/scenarios ... [OPTIONS -max_len=4096 -dict=... ...])
function(moesim_add_fuzzer name)
  cmake_parse_arguments(PARSE_ARGV 1 FUZZ "" "" "SOURCES;USES;LIBRARIES;SEEDS;OPTIONS")
  set(target fuzz_${name})
  add_executable(${target} ${FUZZ_SOURCES})
  moesim_configure_test_program(${target} USES ${FUZZ_USES} LIBRARIES ${FUZZ_LIBRARIES})
  target_compile_options(${target} PRIVATE -fsanitize=fuzzer)
  target_link_options(${target} PRIVATE -fsanitize=fuzzer)
  set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
  set(corpus ${PROJECT_BINARY_DIR}/corpus/${name})
  file(MAKE_DIRECTORY ${corpus})
  add_test(NAME fuzz.${name}
    COMMAND ${target} -max_total_time=${MOESIM_FUZZ_SECONDS} -timeout=10 -rss_limit_mb=2048 -print_final_stats=1
            -artifact_prefix=${PROJECT_BINARY_DIR}/fuzz_${name}- ${FUZZ_OPTIONS} ${corpus} ${FUZZ_SEEDS})
  math(EXPR limit "${MOESIM_FUZZ_SECONDS} + 120")
  set_tests_properties(fuzz.${name} PROPERTIES TIMEOUT ${limit})
endfunction()
