// Where tests find files that are not part of the project, and the project itself.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <optional>
#include <string>

namespace troupe::test {

/// The root of the project; ctest says it.
inline std::string source_folder() {
  const char* folder = std::getenv("TROUPE_SOURCE_DIR");
  return folder ? folder : ".";
}

/// The folder of real models, tokenizers and templates: $TROUPE_DATA, or shared/data beside the project. Without one,
/// says so and gives nothing: the caller skips its test.
inline std::optional<std::string> data_folder() {
  const char* named = std::getenv("TROUPE_DATA");
  std::string folder = named ? named : source_folder() + "/../shared/data";
  if (std::filesystem::is_directory(folder)) return folder;
  std::cout << "skipped: no data folder\n";
  return std::nullopt;
}

}  // namespace troupe::test
