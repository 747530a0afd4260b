# Run at every build: writes build_info.cpp with the commit that is being built, only when that changed.
#   cmake -D SOURCE_DIR=... -D INPUT=build_info.cpp.in -D OUTPUT=build_info.cpp -D MOESIM_VERSION=... -P build_info.cmake
set(MOESIM_GIT_COMMIT "unknown")
find_program(GIT git)
if(GIT)
  execute_process(
    COMMAND ${GIT} -C ${SOURCE_DIR} describe --always --dirty --abbrev=12 --exclude=*
    OUTPUT_VARIABLE described OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
  if(NOT failed AND described)
    set(MOESIM_GIT_COMMIT "${described}")
  endif()
endif()
configure_file(${INPUT} ${OUTPUT} @ONLY)
