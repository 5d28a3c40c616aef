# The libraries that troupe builds on, each as one imported target whose headers are SYSTEM.
find_package(Threads REQUIRED)
find_package(CapnProto REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS json url)
find_package(OpenSSL 3 REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(spdlog REQUIRED)
find_package(CLI11 REQUIRED)
find_package(prometheus-cpp REQUIRED)
find_package(ICU REQUIRED COMPONENTS uc i18n)
find_package(ZLIB REQUIRED)
# CAF's version file accepts only the exact version, so the range is checked by hand.
find_package(CAF REQUIRED COMPONENTS core PATHS "${TROUPE_CAF_PREFIX}")
if(NOT CAF_VERSION MATCHES "^0\\.18\\.")
  message(FATAL_ERROR "CAF ${CAF_VERSION} was found; troupe needs 0.18. Run cmake/install_caf.sh PREFIX and give -DTROUPE_CAF_PREFIX=PREFIX.")
endif()
if(TROUPE_TESTS)
  find_package(Boost 1.81 REQUIRED COMPONENTS unit_test_framework)
endif()

# CAF's own target does not say SYSTEM, and its headers warn.
get_target_property(troupe_caf_includes CAF::core INTERFACE_INCLUDE_DIRECTORIES)
set_target_properties(CAF::core PROPERTIES INTERFACE_SYSTEM_INCLUDE_DIRECTORIES "${troupe_caf_includes}")
