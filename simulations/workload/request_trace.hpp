// Requests that a real service had, as published: when each came and how long it was.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace troupe::simulation {

struct trace_entry {
  /// Since the first.
  duration at{};
  uint64_t prompt = 0, tokens = 0;
};
/// In the order in which they came, at least one.
using request_trace = std::vector<trace_entry>;

/// More entries than this are refused, and numbers of tokens above the other.
inline constexpr size_t trace_entries_max = 1'000'000;
inline constexpr uint64_t trace_tokens_max = 10'000'000;

/// Two formats: lines of TIMESTAMP,ContextTokens,GeneratedTokens below a line that says so (the Azure LLM inference
/// traces of 2023 and 2024), and lines of JSON objects with timestamp in milliseconds, input_length and output_length
/// (Mooncake's). Errors: invalid_argument: the line that is none of that.
result<request_trace> parse_request_trace(std::string_view text);
/// Errors: io_failed, and those of parse_request_trace, with the file's name.
result<request_trace> read_request_trace(const std::string& path);
/// The same for many runs to share; null where the path is empty.
result<std::shared_ptr<const request_trace>> read_arrivals(const std::string& path);

}  // namespace troupe::simulation
