// What `troupe bench` measures: an engine with a model loaded, which runs prompts and decode steps when told to. Both
// sides of a comparison stay loaded and wait without using the processor, so that their runs can take turns.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.hpp"

namespace troupe {

class bench_side {
 public:
  virtual ~bench_side() = default;
  /// For tables: "troupe", "llama.cpp".
  virtual std::string name() const = 0;
  /// Seconds for a prompt of so many tokens, from an empty context to the last one's logits.
  virtual result<double> prefill(uint32_t tokens) = 0;
  /// Seconds for one step that gives each of `streams` one token: the mean of `steps`, each stream having `context`
  /// tokens before, whose prefill is not counted.
  virtual result<double> decode(uint32_t streams, uint32_t steps, uint32_t context) = 0;
  /// Bytes of memory that the side's processes hold now, shared pages counted by share.
  virtual result<uint64_t> resident_bytes() = 0;
};

}  // namespace troupe
