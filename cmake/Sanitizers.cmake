# MOESIM_SANITIZE is a list for -fsanitize=, e.g. "address,undefined" or "thread"; presets set it.
set(MOESIM_SANITIZE "" CACHE STRING "Sanitizers to build with, as -fsanitize= takes them")
option(MOESIM_FUZZ "Build the libFuzzer targets of tests/fuzz (needs clang) and instrument for them the rooms that they run" OFF)
set(MOESIM_FUZZ_SECONDS 20 CACHE STRING "How long the test of each fuzz target runs [s]")

add_library(moesim_sanitizers INTERFACE)
if(MOESIM_SANITIZE)
  target_compile_options(moesim_sanitizers INTERFACE
    -fsanitize=${MOESIM_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(moesim_sanitizers INTERFACE -fsanitize=${MOESIM_SANITIZE})
endif()
if(MOESIM_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL Clang)
    message(FATAL_ERROR "MOESIM_FUZZ needs clang, for libFuzzer (the compiler is ${CMAKE_CXX_COMPILER_ID}): use the preset fuzz")
  endif()
endif()
# The others would only be slower in all tests, with a count of every branch.
set(MOESIM_FUZZED_ROOMS base model cluster cost fit import scenario sweep)
