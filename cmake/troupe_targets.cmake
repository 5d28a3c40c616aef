# troupe_library(), troupe_test(), troupe_fuzz(): how every target of the tree is made.

add_library(troupe_options INTERFACE)
target_compile_options(troupe_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Woverloaded-virtual -Werror
  # GCC 12 sees writes past the end in std::vector and std::string where it inlines them (its bugs 105329, 105651, 105762);
  # the address sanitizer sees the real ones.
  -Wno-restrict -Wno-stringop-overflow -Wno-stringop-overread -Wno-array-bounds
  # The bits of a result must not depend on what the compiler chooses to fuse (docs/internals/bits.md).
  -ffp-contract=off -fno-omit-frame-pointer)
target_include_directories(troupe_options INTERFACE "${PROJECT_SOURCE_DIR}" "${PROJECT_BINARY_DIR}")
target_compile_definitions(troupe_options INTERFACE
  $<$<CONFIG:Debug>:_GLIBCXX_ASSERTIONS> BOOST_ASIO_NO_DEPRECATED)
if(TROUPE_PLANTED_BUGS)
  target_compile_definitions(troupe_options INTERFACE TROUPE_PLANTED_BUGS)
endif()
if(TROUPE_SANITIZE)
  target_compile_options(troupe_options INTERFACE -fsanitize=${TROUPE_SANITIZE} -fno-sanitize-recover=all -g1 -Og)
  target_link_options(troupe_options INTERFACE -fsanitize=${TROUPE_SANITIZE})
  if(TROUPE_SANITIZE STREQUAL "thread")
    # Asio has fences around handlers, which this sanitizer does not see; the locks around its queues it does.
    target_compile_options(troupe_options INTERFACE -Wno-tsan)
  endif()
endif()
if(TROUPE_JOIN)
  # What is local to one of the joined sources looks to the compiler as if a header had it.
  target_compile_options(troupe_options INTERFACE -Wno-subobject-linkage)
endif()
find_program(TROUPE_MOLD mold)
if(TROUPE_MOLD)
  target_link_options(troupe_options INTERFACE -fuse-ld=mold)
endif()

function(troupe_precompile target)
  target_precompile_headers(${target} PRIVATE ${ARGN})
  # Without it ccache cannot see through a precompiled header.
  target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>)
endfunction()

# Sources, a few at a time in one file: a third of the work for the compiler, most of whose time goes into headers. Paths are
# relative to the tree, so that ccache knows them in every clone.
function(troupe_joined name out)
  cmake_path(RELATIVE_PATH CMAKE_CURRENT_SOURCE_DIR BASE_DIRECTORY "${PROJECT_SOURCE_DIR}" OUTPUT_VARIABLE folder)
  set(joined "")
  list(LENGTH ARGN count)
  if(count EQUAL 1)
    set(${out} ${ARGN} PARENT_SCOPE)
    return()
  endif()
  math(EXPR last "${count} - 1")
  foreach(begin RANGE 0 ${last} 8)
    list(SUBLIST ARGN ${begin} 8 batch)
    list(TRANSFORM batch REPLACE "(.+)" "#include \"${folder}/\\1\"\n")
    list(JOIN batch "" text)
    set(file "${CMAKE_CURRENT_BINARY_DIR}/joined_${name}_${begin}.cpp")
    file(CONFIGURE OUTPUT "${file}" CONTENT "${text}" @ONLY)
    list(APPEND joined "${file}")
  endforeach()
  set(${out} "${joined}" PARENT_SCOPE)
endfunction()

# A layer, or a named part of one: a static library that links with nothing but what it names in USES.
#   troupe_library(name SOURCES a.cpp ... [APART b.cpp ...] USES target ... [PRIVATE_USES target ...] [PRECOMPILE <header> ...])
# With TROUPE_JOIN its SOURCES are compiled a few at a time; those APART, which share names with others or have flags of
# their own, are always compiled one by one.
function(troupe_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;APART;USES;PRIVATE_USES;PRECOMPILE" ${ARGN})
  if(TROUPE_JOIN)
    troupe_joined(${name} sources ${arg_SOURCES})
  else()
    set(sources ${arg_SOURCES})
  endif()
  add_library(troupe_${name} STATIC ${sources} ${arg_APART})
  target_link_libraries(troupe_${name} PUBLIC troupe_options ${arg_USES} PRIVATE ${arg_PRIVATE_USES})
  if(arg_PRECOMPILE)
    troupe_precompile(troupe_${name} ${arg_PRECOMPILE})
  endif()
endfunction()

# Those of code that several threads enter: they have the label "threads" too and run under the thread sanitizer.
set(TROUPE_THREADS "^actor[.]|^conformance[.]http|^unit[.](actors|engine[.](communicator|parts|shard_compute)|outside)")

# Builds the tests that belong to this build's sanitizer, and nothing that they do not use.
add_custom_target(checks)

# One test program, run by ctest as one test:
#   troupe_test(unit.base SOURCES a_test.cpp ... [APART b_test.cpp ...] USES target ... [TIMEOUT seconds])
# SOURCES and APART are troupe_library's.
# Its label is the part of the name before the dot. A source defines cases with BOOST_AUTO_TEST_CASE and includes
# <boost/test/unit_test.hpp>; the main() is made here, once for all of them.
if(TROUPE_TESTS)
  file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/test_main.cpp"
    CONTENT "#define BOOST_TEST_MODULE troupe\n#include <boost/test/unit_test.hpp>\n")
  add_library(troupe_test_main OBJECT EXCLUDE_FROM_ALL "${PROJECT_BINARY_DIR}/test_main.cpp")
  target_link_libraries(troupe_test_main PUBLIC troupe_options Boost::unit_test_framework)
endif()
function(troupe_test name)
  cmake_parse_arguments(arg "" "TIMEOUT" "SOURCES;APART;USES;PRECOMPILE" ${ARGN})
  string(REPLACE "." "_" target "test_${name}")
  string(REGEX REPLACE "\\..*" "" label "${name}")
  if(TROUPE_JOIN AND arg_SOURCES)
    troupe_joined(${target} sources ${arg_SOURCES})
  else()
    set(sources ${arg_SOURCES})
  endif()
  add_executable(${target} ${sources} ${arg_APART})
  target_link_libraries(${target} PRIVATE troupe_test_main ${arg_USES})
  if(arg_PRECOMPILE)
    troupe_precompile(${target} ${arg_PRECOMPILE})
  endif()
  if(name MATCHES "${TROUPE_THREADS}")
    list(APPEND label threads)
  endif()
  if(NOT TROUPE_SANITIZE STREQUAL "thread" OR threads IN_LIST label)
    add_dependencies(checks ${target})
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 120)
  endif()
  add_test(NAME ${name} COMMAND ${target} --color_output=no)
  set_tests_properties(${name} PROPERTIES LABELS "${label}" TIMEOUT ${arg_TIMEOUT}
    ENVIRONMENT "TROUPE_SOURCE_DIR=${PROJECT_SOURCE_DIR}")
endfunction()

# One fuzz target:  troupe_fuzz(json SOURCES json_fuzz.cpp USES target ...)
# The source defines LLVMFuzzerTestOneInput. The program replays tests/fuzz/corpus/<name>, then mutates it for a few
# seconds from a fixed seed; with clang's libFuzzer the same source can be driven by coverage.
if(TROUPE_TESTS)
  add_library(troupe_fuzz_driver OBJECT EXCLUDE_FROM_ALL "${PROJECT_SOURCE_DIR}/tests/fuzz/driver.cpp")
  target_link_libraries(troupe_fuzz_driver PRIVATE troupe_options)
endif()
function(troupe_fuzz name)
  cmake_parse_arguments(arg "" "" "SOURCES;USES" ${ARGN})
  add_executable(fuzz_${name} ${arg_SOURCES})
  target_link_libraries(fuzz_${name} PRIVATE troupe_options troupe_fuzz_driver ${arg_USES})
  if(NOT TROUPE_SANITIZE STREQUAL "thread")
    add_dependencies(checks fuzz_${name})
  endif()
  add_test(NAME fuzz.${name} COMMAND fuzz_${name} "${PROJECT_SOURCE_DIR}/tests/fuzz/corpus/${name}")
  set_tests_properties(fuzz.${name} PROPERTIES LABELS fuzz TIMEOUT 120 ENVIRONMENT "TROUPE_SOURCE_DIR=${PROJECT_SOURCE_DIR}")
endfunction()

# The Cap'n Proto compiler's output for schemas, as sources of the calling target's folder.
function(troupe_schemas out_sources)
  set(CAPNPC_SRC_PREFIX "${PROJECT_SOURCE_DIR}")
  set(CAPNPC_OUTPUT_DIR "${PROJECT_BINARY_DIR}")
  set(CAPNPC_IMPORT_DIRS "${PROJECT_SOURCE_DIR}")
  capnp_generate_cpp(sources headers ${ARGN})
  # Generated code is not ours to warn about.
  set_source_files_properties(${sources} PROPERTIES COMPILE_OPTIONS "-w")
  set(${out_sources} ${sources} PARENT_SCOPE)
endfunction()
