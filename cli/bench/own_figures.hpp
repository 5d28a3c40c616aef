// What `troupe bench peers` says of our engine alone: figures that have no other side to be compared with, but a bound.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cli/bench/memory_bandwidth.hpp"
#include "cli/bench/peers.hpp"
#include "cli/bench/program_side.hpp"

namespace troupe {

class own_figures {
 public:
  explicit own_figures(const peers_options& options) : options_(options) {}

  /// Our engine in a process of its own, for as many streams as are measured.
  static result<std::unique_ptr<program_side>> start(const peers_options& options, const std::string& model,
                                                     uint32_t tp, uint32_t threads);

  /// Measures the model, which `side` (one rank, all threads) has loaded; its last measurement was of 32 streams.
  result<void> add(const std::string& what, const std::string& model, program_side& side);
  /// A Markdown table of all.
  void print() const;

 private:
  void note(const std::string& what, const std::string& figure, const std::string& wanted);
  result<void> memory(const std::string& what, program_side& side);
  result<void> bandwidth(const std::string& what, program_side& side);
  result<void> ranks(const std::string& what, const std::string& model, program_side& side);
  result<void> served(const std::string& what, const std::string& model, program_side& side);

  const peers_options& options_;
  std::unique_ptr<memory_bandwidth> memory_;
  std::vector<std::string> rows_;
};

}  // namespace troupe
