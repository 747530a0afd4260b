# Warnings are errors in every preset; third-party headers come in as SYSTEM and are exempt.
add_library(moesim_warnings INTERFACE)
target_compile_options(moesim_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wold-style-cast -Wnon-virtual-dtor
  -Woverloaded-virtual -Wcast-align -Wunused -Wdouble-promotion -Wformat=2 -Wswitch -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  # g++ 12 guesses from its optimiser's view of std::string and std::vector: at -O3 "overlapping" copies of 2^63 bytes in
  # string concatenation (GCC bug 105651). For the same reason -Wnull-dereference is left to clang, which does not guess.
  target_compile_options(moesim_warnings INTERFACE -Wno-restrict)
else()
  target_compile_options(moesim_warnings INTERFACE -Wnull-dereference)
endif()
