// Our engine as a side of a benchmark: the ranks of one group, without actors. Rank 0 runs in this process, the others
// in processes of their own.
#pragma once

#include <sys/types.h>

#include <memory>
#include <vector>

#include "cli/bench/side.hpp"
#include "shards/engine/communicator.hpp"
#include "shards/engine/shard.hpp"

namespace troupe {

struct engine_side_options {
  std::string model;
  uint32_t tp = 1;
  /// Of each rank.
  uint32_t threads = 1;
  /// The longest prompt, the most streams and the longest stream that will be asked for.
  uint32_t prompt_max = 512;
  uint32_t streams_max = 32;
  uint32_t context_max = 1024;
  bool kv_bf16 = false;
};

class engine_side final : public bench_side {
 public:
  /// Errors: those of shard::open.
  static result<std::unique_ptr<engine_side>> open(const engine_side_options& options);
  /// Ends the other ranks' processes and waits for them.
  ~engine_side() override;

  std::string name() const override { return "troupe"; }
  result<double> prefill(uint32_t tokens) override;
  result<double> decode(uint32_t streams, uint32_t steps, uint32_t context) override;
  result<uint64_t> resident_bytes() override;
  /// What a tp of 1 cannot do without: the weights as packed, and the pages of keys and values that streams have used.
  uint64_t needed_bytes() const;

  /// What a step of decode(1, steps, context) reads on average with a tp of 1: every weight, and the keys and values of
  /// the tokens so far.
  double bytes_read(uint32_t steps, uint32_t context) const;

  const shard_facts& facts() const { return shard_->facts(); }
  /// From open() to a loaded model.
  double seconds_to_load() const { return seconds_to_load_; }

 private:
  explicit engine_side(const engine_side_options& options) : options_(options) {}
  result<void> load();
  result<void> meet_other_ranks(size_t floats_max);
  shard_config config_of(uint32_t rank) const;
  sequence_step sequence(uint32_t stream, uint32_t first, uint32_t count);
  result<void> prepare(uint32_t stream, uint32_t context);
  result<void> lead(step_plan plan);

  engine_side_options options_;
  system_clock clock_;
  std::vector<pid_t> others_;
  std::unique_ptr<communicator> group_;
  std::unique_ptr<shard> shard_;
  double seconds_to_load_ = 0;
  /// Of each stream: positions of which keys and values are there.
  std::vector<uint32_t> known_;
  std::vector<std::vector<uint32_t>> pages_;
  uint32_t pages_used_ = 0;
  uint64_t step_ = 0;
};

}  // namespace troupe
