// A model that is a hash: the next token depends on every id before it, and the device computes it from what lies in
// the pages of a plan, position by position, as attention does. So a page that is written by two, given away too early
// or taken for another shows as a wrong token.
#pragma once

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <string>
#include <vector>

#include "actors/seams/compute.hpp"
#include "base/random.hpp"
#include "shards/engine/plan_check.hpp"
#include "shards/pooling/pooling.hpp"

namespace troupe::test {

inline uint64_t mixed(uint64_t a, uint64_t b) {
  auto words = philox4x32({static_cast<uint32_t>(a), static_cast<uint32_t>(a >> 32), 0, 0},
                          {static_cast<uint32_t>(b), static_cast<uint32_t>(b >> 32)});
  return uint64_t{words[0]} << 32 | words[1];
}

class fake_model {
 public:
  /// Tokens are below `vocab_size`; a small one makes texts that repeat themselves.
  fake_model(uint32_t vocab_size, uint32_t kv_pages, plan_limits limits)
      : vocab_size_(vocab_size), memory_(size_t{kv_pages} * kv_page_positions), checker_(limits) {}

  /// What comes after these ids, by definition.
  token_id next(const std::vector<token_id>& ids, uint64_t seed) const {
    uint64_t sum = 0;
    for (size_t position = 0; position < ids.size(); ++position) sum += value(ids[position], position);
    return draw(sum, seed);
  }

  /// The embedding of these ids, by definition.
  static std::vector<float> embedding(const std::vector<token_id>& ids, pooling_kind pooling) {
    uint64_t sum = 0;
    std::vector<double> pooled;
    for (size_t position = 0; position < ids.size(); ++position) {
      sum += value(ids[position], position);
      if (pooling == pooling_kind::mean || position + 1 == ids.size()) add_row(pooled, row_of(sum));
    }
    return unit_vector(pooled);
  }

  /// The same from the pages.
  step_result run(const step_request& request) {
    auto allowed = checker_.check(request.plan);
    BOOST_REQUIRE_MESSAGE(allowed.has_value(), (allowed ? "" : allowed.err().detail));
    for (const auto& sequence : request.plan.sequences) {
      for (size_t i = 0; i < sequence.tokens.size(); ++i) {
        auto position = static_cast<uint32_t>(sequence.first_position + i);
        at(sequence, position) = value(sequence.tokens[i], position);
      }
    }
    step_result result;
    result.number = request.plan.number;
    for (const auto& task : request.sampling) draw_all(request.plan.sequences[task.sequence], task, result);
    for (const auto& task : request.pooling)
      result.pooled.push_back(add_rows(request.plan.sequences[task.sequence], task.sum));
    return result;
  }

 private:
  static uint64_t value(token_id id, size_t position) { return mixed(id, position + 1); }
  token_id draw(uint64_t sum, uint64_t seed) const { return static_cast<token_id>(mixed(sum, seed) % vocab_size_); }

  /// Numbers of very different sizes, so that the order in which rows are added shows.
  static std::vector<float> row_of(uint64_t sum) {
    std::vector<float> row(3);
    for (size_t i = 0; i < row.size(); ++i) {
      const uint64_t bits = mixed(sum, i);
      row[i] = std::ldexp(static_cast<float>(bits % 2001) - 1000.0F, static_cast<int>(bits >> 58) - 32);
    }
    return row;
  }

  std::vector<double> add_rows(const sequence_step& sequence, std::vector<double> pooled) {
    uint64_t sum = 0;
    const auto end = static_cast<uint32_t>(sequence.first_position + sequence.tokens.size());
    for (uint32_t position = 0; position < end; ++position) {
      sum += at(sequence, position);
      if (position + sequence.wants_hidden >= end) add_row(pooled, row_of(sum));
    }
    return pooled;
  }

  uint64_t& at(const sequence_step& sequence, uint32_t position) {
    return memory_[size_t{sequence.pages[position / kv_page_positions]} * kv_page_positions +
                   position % kv_page_positions];
  }

  void draw_all(const sequence_step& sequence, const sampling_task& task, step_result& result) {
    const size_t known = sequence.tokens.size() - (sequence.wants_logits - 1);
    for (size_t row = 0; row < sequence.wants_logits; ++row) {
      uint64_t sum = 0;
      const auto end = static_cast<uint32_t>(sequence.first_position + known + row);
      for (uint32_t position = 0; position < end; ++position) sum += at(sequence, position);
      result.sampled.push_back({draw(sum, task.params->seed), 0, {}});
      if (known + row < sequence.tokens.size() && sequence.tokens[known + row] != result.sampled.back().id) return;
    }
  }

  uint32_t vocab_size_;
  std::vector<uint64_t> memory_;
  plan_checker checker_;
};

}  // namespace troupe::test
