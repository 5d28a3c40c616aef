// A model that is a hash: the next token depends on every id before it, and the device computes it from what lies in
// the pages of a plan, position by position, as attention does. So a page that is written by two, given away too early
// or taken for another shows as a wrong token; and what a stream has to be, anybody can say without a cluster.
#pragma once

#include <span>
#include <vector>

#include "actors/seams/compute.hpp"
#include "shards/engine/plan_check.hpp"

namespace troupe::simulation {

class hash_model {
 public:
  /// Tokens are below `vocab_size`; a small one makes texts that repeat themselves.
  hash_model(uint32_t vocab_size, uint32_t kv_pages, plan_limits limits);

  /// What was said so far, one id after the other.
  class text {
   public:
    void add(token_id id);
    /// What comes after it, by definition. `stream`: sampling_params::stream.
    token_id next(uint64_t seed, uint64_t stream, uint32_t vocab_size) const;

   private:
    uint64_t sum_ = 0;
    size_t size_ = 0;
  };
  /// The same of ids that are there already, in stream 0.
  static token_id next(std::span<const token_id> ids, uint64_t seed, uint32_t vocab_size);
  /// The embedding of these ids, by definition.
  static std::vector<float> embedding(std::span<const token_id> ids, pooling_kind pooling);

  /// The same from the pages. Errors: those of plan_checker: the plan could not have been meant.
  result<step_result> run(const step_request& request);

 private:
  std::vector<double> add_rows(const sequence_step& sequence, std::vector<double> pooled);
  uint64_t& at(const sequence_step& sequence, uint32_t position);
  void draw_all(const sequence_step& sequence, const sampling_task& task, step_result& done);

  uint32_t vocab_size_;
  std::vector<uint64_t> memory_;
  plan_checker checker_;
};

}  // namespace troupe::simulation
