#include "tests/unit/engine/test_group.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstring>

#include "shards/engine/local_communicator.hpp"

namespace troupe::test {
namespace {

constexpr duration patient = std::chrono::minutes(1);

void run_follower(const group_options& options, uint32_t rank, const group_place& place) {
  const system_clock time;
  const auto group = place.join(rank, time);
  if (!group) return;
  (*group)->set_deadline(patient);
  const auto loaded = shard::open(config_of(options, rank), **group);
  if (!loaded) {
    (*group)->abort(loaded.err().detail);
    return;
  }
  while ((*loaded)->follow()) {
  }
}

}  // namespace

shard_config config_of(const group_options& options, uint32_t rank) {
  return {.model_folder = options.folder,
          .tp = options.tp,
          .rank = rank,
          .threads = options.threads,
          .kv_pages = options.kv_pages,
          .kv_bf16 = options.kv_bf16,
          .rows_max = options.rows_max,
          .sequences_max = options.sequences_max,
          .logits_max = options.logits_max,
          .backend = options.backend,
          .system_root = {}};
}

test_group::test_group(const group_options& options) {
  const auto floats_max = shard_floats_max(config_of(options, 0));
  BOOST_REQUIRE_MESSAGE(floats_max.has_value(), (floats_max ? "" : floats_max.err().detail));
  if (options.tp == 1) {
    group_ = std::make_unique<local_communicator>(*floats_max);
  } else {
    place_ = std::make_unique<group_place>(options.how, options.tp, *floats_max);
    for (uint32_t rank = 1; rank < options.tp; ++rank)
      followers_.emplace_back(run_follower, options, rank, std::cref(*place_));
    auto group = place_->join(0, clock_);
    BOOST_REQUIRE_MESSAGE(group.has_value(), (group ? "" : group.err().detail));
    group_ = std::move(group).value();
  }
  auto loaded = shard::open(config_of(options, 0), *group_);
  if (!loaded) group_->abort(loaded.err().detail);
  BOOST_REQUIRE_MESSAGE(loaded.has_value(), (loaded ? "" : loaded.err().detail));
  shard_ = std::move(loaded).value();
}

test_group::~test_group() {
  if (group_) group_->abort("the test has ended");
  for (std::thread& follower : followers_) follower.join();
}

logits_rows test_group::step(const step_plan& plan) {
  const auto logits = shard_->lead(plan, patient);
  BOOST_REQUIRE_MESSAGE(logits.has_value(), (logits ? "" : logits.err().detail));
  logits_rows rows;
  for (uint32_t r = 0; r < logits->rows; ++r) {
    const std::span<const float> row = logits->row(r);
    rows.emplace_back(row.begin(), row.end());
  }
  return rows;
}

std::vector<uint32_t> pages_for(size_t positions, uint32_t first_page, uint32_t page_step) {
  std::vector<uint32_t> pages((positions + kv_page_positions - 1) / kv_page_positions);
  for (size_t i = 0; i < pages.size(); ++i) pages[i] = first_page + static_cast<uint32_t>(i) * page_step;
  return pages;
}

logits_rows run_in_chunks(test_group& group, const std::vector<token_id>& tokens, const std::vector<uint32_t>& chunks,
                          uint32_t first_page, uint32_t page_step) {
  logits_rows all;
  size_t at = 0;
  for (size_t i = 0; at < tokens.size(); ++i) {
    const size_t count = std::min<size_t>(chunks[std::min(i, chunks.size() - 1)], tokens.size() - at);
    sequence_step sequence{
        .first_position = static_cast<uint32_t>(at),
        .tokens = {tokens.begin() + static_cast<ptrdiff_t>(at), tokens.begin() + static_cast<ptrdiff_t>(at + count)},
        .pages = pages_for(at + count, first_page, page_step),
        .wants_logits = true};
    const logits_rows rows = group.step({.number = i, .sequences = {sequence}});
    BOOST_REQUIRE(rows.size() == 1u);
    all.push_back(rows.front());
    at += count;
  }
  return all;
}

std::vector<token_id> greedy(test_group& group, const std::vector<token_id>& prompt, size_t count) {
  std::vector<token_id> tokens;
  std::vector<token_id> next = prompt;
  uint32_t position = 0;
  while (tokens.size() < count) {
    const size_t end = position + next.size();
    const logits_rows rows = group.step(
        {.number = tokens.size(),
         .sequences = {{.first_position = position, .tokens = next, .pages = pages_for(end), .wants_logits = true}}});
    const auto best = std::max_element(rows[0].begin(), rows[0].end());
    tokens.push_back(static_cast<token_id>(best - rows[0].begin()));
    next = {tokens.back()};
    position = static_cast<uint32_t>(end);
  }
  return tokens;
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

}  // namespace troupe::test
