// How soon the swarm finds mistakes that were planted.
#pragma once

#include <cstdint>
#include <string>

namespace troupe {

struct mutants_options {
  /// The name of one; empty: all.
  std::string only;
  /// Until a mistake counts as missed.
  double minutes_each = 10;
  uint32_t jobs = 1;
};

/// Prints how long it takes to find each mistake, as a Markdown table. The program's exit code: 0 where all are found.
int find_mutants(const mutants_options& options);

}  // namespace troupe
