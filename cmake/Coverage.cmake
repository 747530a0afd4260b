option(MOESIM_COVERAGE "Count executed lines (gcov); adds the target coverage_report" OFF)
if(MOESIM_COVERAGE)
  add_compile_options(--coverage -fprofile-update=atomic)
  add_link_options(--coverage)
  find_program(GCOVR_PROGRAM gcovr)
  if(GCOVR_PROGRAM)
    add_custom_target(coverage_report
      COMMAND ${GCOVR_PROGRAM} --root ${PROJECT_SOURCE_DIR} --filter ${PROJECT_SOURCE_DIR}/src --filter ${PROJECT_SOURCE_DIR}/include
              --txt ${PROJECT_BINARY_DIR}/coverage.txt --print-summary ${PROJECT_BINARY_DIR}
      COMMENT "Line coverage of src/ and include/, by file in ${PROJECT_BINARY_DIR}/coverage.txt" VERBATIM)
  else()
    message(STATUS "gcovr is not installed: no target coverage_report")
  endif()
endif()
