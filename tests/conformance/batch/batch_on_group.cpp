#include "tests/conformance/batch/batch_on_group.hpp"

#include <boost/test/unit_test.hpp>

#include "tests/conformance/batch/asked_stream.hpp"

namespace troupe::test {
namespace {

batch_limits of_group(batch_limits limits, const shard_facts& facts) {
  limits.context_max = facts.context_max;
  limits.vocab_size = facts.vocab_size;
  limits.kv_pages = facts.kv_pages;
  return limits;
}

void tell_drawn(const step_request& request, const std::vector<sampled_token>& sampled,
                const std::vector<uint64_t>& hashes, const batch_on_group::on_drawn& drawn) {
  size_t next = 0, row = 0;
  for (const auto& task : request.sampling) {
    const auto& sequence = request.plan.sequences[task.sequence];
    const size_t known = sequence.tokens.size() - (sequence.wants_logits - 1);
    for (size_t i = 0;; ++i) {
      const auto& token = sampled.at(next++);
      drawn(task, i, token, hashes.at(row + i));
      if (i + 1 == sequence.wants_logits || sequence.tokens[known + i] != token.id) break;
    }
    row += sequence.wants_logits;
  }
  BOOST_REQUIRE(next == sampled.size());
}

}  // namespace

batch_on_group::batch_on_group(const group_options& options, batch_limits limits)
    : group_(options), batch_(of_group(limits, group_.leader().facts())) {}

void batch_on_group::check_pages() const { BOOST_REQUIRE(batch_.pages().conserved()); }

std::vector<batch::token_for> batch_on_group::step(const on_drawn& drawn, const meanwhile& during, instant now) {
  auto request = batch_.plan(now);
  planned_ = request.has_value();
  check_pages();
  during();
  if (!request) return {};
  auto logits = group_.leader().lead(request->plan, std::chrono::minutes(1));
  BOOST_REQUIRE_MESSAGE(logits.has_value(), (logits ? "" : logits.err().detail));
  std::vector<uint64_t> hashes;
  for (uint32_t row = 0; row < logits->rows; ++row) hashes.push_back(hash_of(logits->row(row)));

  auto sampled = sample_step(*request, *logits, group_.leader().threads());
  BOOST_REQUIRE_MESSAGE(sampled.has_value(), (sampled ? "" : sampled.err().detail));
  tell_drawn(*request, *sampled, hashes, drawn);
  step_result result;
  result.number = request->plan.number;
  result.sampled = std::move(*sampled);
  BOOST_REQUIRE(check_pooling(*request).has_value());
  result.pooled = pool_step(*request, group_.leader());
  auto tokens = batch_.apply(result);
  check_pages();
  return tokens;
}

}  // namespace troupe::test
