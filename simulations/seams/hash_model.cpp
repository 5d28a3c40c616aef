#include "simulations/seams/hash_model.hpp"

#include <cmath>

#include "base/random.hpp"
#include "shards/pooling/pooling.hpp"

namespace troupe::simulation {
namespace {

uint64_t mixed(uint64_t a, uint64_t b) {
  const auto words = philox4x32({static_cast<uint32_t>(a), static_cast<uint32_t>(a >> 32), 0, 0},
                                {static_cast<uint32_t>(b), static_cast<uint32_t>(b >> 32)});
  return uint64_t{words[0]} << 32 | words[1];
}

uint64_t value(token_id id, size_t position) { return mixed(id, position + 1); }

token_id draw(uint64_t sum, uint64_t seed, uint64_t stream, uint32_t vocab_size) {
  return static_cast<token_id>(mixed(sum, seed + stream * 0x9E3779B97F4A7C15) % vocab_size);
}

/// Numbers of very different sizes, so that the order in which rows are added shows.
std::vector<float> row_of(uint64_t sum) {
  std::vector<float> row(3);
  for (size_t i = 0; i < row.size(); ++i) {
    const uint64_t bits = mixed(sum, i);
    row[i] = std::ldexp(static_cast<float>(bits % 2001) - 1000.0F, static_cast<int>(bits >> 58) - 32);
  }
  return row;
}

}  // namespace

hash_model::hash_model(uint32_t vocab_size, uint32_t kv_pages, plan_limits limits)
    : vocab_size_(vocab_size), memory_(size_t{kv_pages} * kv_page_positions), checker_(limits) {}

token_id hash_model::next(std::span<const token_id> ids, uint64_t seed, uint32_t vocab_size) {
  text so_far;
  for (const token_id id : ids) so_far.add(id);
  return so_far.next(seed, 0, vocab_size);
}

void hash_model::text::add(token_id id) { sum_ += value(id, size_++); }

token_id hash_model::text::next(uint64_t seed, uint64_t stream, uint32_t vocab_size) const {
  return draw(sum_, seed, stream, vocab_size);
}

std::vector<float> hash_model::embedding(std::span<const token_id> ids, pooling_kind pooling) {
  uint64_t sum = 0;
  std::vector<double> pooled;
  for (size_t position = 0; position < ids.size(); ++position) {
    sum += value(ids[position], position);
    if (pooling == pooling_kind::mean || position + 1 == ids.size()) add_row(pooled, row_of(sum));
  }
  return unit_vector(pooled);
}

result<step_result> hash_model::run(const step_request& request) {
  TROUPE_TRY(checker_.check(request.plan));
  for (const auto& sequence : request.plan.sequences) {
    for (size_t i = 0; i < sequence.tokens.size(); ++i) {
      const auto position = static_cast<uint32_t>(sequence.first_position + i);
      at(sequence, position) = value(sequence.tokens[i], position);
    }
  }
  step_result done;
  done.number = request.plan.number;
  for (const auto& task : request.sampling) draw_all(request.plan.sequences[task.sequence], task, done);
  for (const auto& task : request.pooling)
    done.pooled.push_back(add_rows(request.plan.sequences[task.sequence], task.sum));
  return done;
}

std::vector<double> hash_model::add_rows(const sequence_step& sequence, std::vector<double> pooled) {
  uint64_t sum = 0;
  const auto end = static_cast<uint32_t>(sequence.first_position + sequence.tokens.size());
  for (uint32_t position = 0; position < end; ++position) {
    sum += at(sequence, position);
    if (position + sequence.wants_hidden >= end) add_row(pooled, row_of(sum));
  }
  return pooled;
}

uint64_t& hash_model::at(const sequence_step& sequence, uint32_t position) {
  return memory_[size_t{sequence.pages[position / kv_page_positions]} * kv_page_positions +
                 position % kv_page_positions];
}

void hash_model::draw_all(const sequence_step& sequence, const sampling_task& task, step_result& done) {
  const size_t known = sequence.tokens.size() - (sequence.wants_logits - 1);
  for (size_t row = 0; row < sequence.wants_logits; ++row) {
    uint64_t sum = 0;
    const auto end = static_cast<uint32_t>(sequence.first_position + known + row);
    for (uint32_t position = 0; position < end; ++position) sum += at(sequence, position);
    done.sampled.push_back({draw(sum, task.params->seed, task.params->stream, vocab_size_), 0, {}});
    if (known + row < sequence.tokens.size() && sequence.tokens[known + row] != done.sampled.back().id) return;
  }
}

}  // namespace troupe::simulation
