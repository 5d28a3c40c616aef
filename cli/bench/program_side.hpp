// A side of a benchmark that is a process of its own: a program that obeys lines on its standard input and answers each
// with a line that begins with a number. `troupe bench side`, tests/bench/llama_cpp_peer.py and
// tests/bench/served_side.py are such.
#pragma once

#include <sys/types.h>

#include <cstdio>
#include <memory>
#include <vector>

#include "cli/bench/side.hpp"

namespace troupe {

class program_side final : public bench_side {
 public:
  /// Starts the program and waits until it says "ready". Errors: io_failed (it cannot be started, ends, or says
  /// something else; what it writes to standard error is seen by the user).
  static result<std::unique_ptr<program_side>> start(std::string name, const std::vector<std::string>& command);
  /// Ends the program.
  ~program_side() override;

  std::string name() const override { return name_; }
  /// What the program says of itself.
  const std::string& description() const { return description_; }
  result<double> prefill(uint32_t tokens) override;
  result<double> decode(uint32_t streams, uint32_t steps, uint32_t context) override;
  result<uint64_t> resident_bytes() override;
  /// The number that it answers to any other line. Errors: io_failed (the program has ended, or says something else).
  result<double> ask(const std::string& line);

 private:
  explicit program_side(std::string name) : name_(std::move(name)) {}
  result<std::string> read_line();

  std::string name_, description_;
  pid_t pid_ = -1;
  FILE* to_ = nullptr;
  FILE* from_ = nullptr;
};

/// Runs a program to its end. Error (io_failed): it ended with another status than 0.
result<void> run_program(const std::vector<std::string>& command);

}  // namespace troupe
