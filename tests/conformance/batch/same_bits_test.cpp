// Whatever happens to a stream in a batch, its logits, or its embedding, have the bits that they have where it is
// alone.
//
// Random batches, chunks, threads, ranks, page shortage, prefix hits, preemptions, guesses, streams that leave and come
// again with what they have. Each stream is compared with itself alone: the hash of every row of logits that a token
// was drawn from, the token, its log probability; every number of an embedding. TROUPE_BITS_SEQUENCES says how many
// streams per precision (./test: as many as fit into a minute); 10 000 are what a release is held to:
//   TROUPE_BITS_SEQUENCES=10000 test_conformance_batch --run_test=no_bit_depends_on_the_company
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <iostream>
#include <map>
#include <sstream>

#include "base/clock.hpp"
#include "tests/conformance/batch/asked_stream.hpp"
#include "tests/conformance/batch/batch_on_group.hpp"
#include "tests/conformance/batch/precisions.hpp"
#include "tests/support/temporary_folder.hpp"

namespace troupe::test {
namespace {

constexpr size_t streams_per_arrangement = 20;
/// In ./test, where the sanitizers make everything slow.
constexpr size_t default_streams = 60;
constexpr std::chrono::seconds default_time_max{60};

struct arrangement {
  group_options group;
  batch_limits limits;
  std::string text;
};

arrangement draw_arrangement(std::mt19937& random, const precision& with) {
  arrangement a;
  a.group = {.folder = with.folder};
  a.group.kv_bf16 = with.kv_bf16;
  a.group.tp = 1U << random() % 3;
  a.group.threads = static_cast<uint32_t>(1 + random() % 3);
  std::vector<cpu_backend_choice> backends{cpu_backend_choice::automatic};
  for (const auto backend : {cpu_backend_choice::avx2, cpu_backend_choice::avx512})
    if (make_cpu_backend(backend, 1)) backends.push_back(backend);
  a.group.backend = backends[random() % backends.size()];
  a.limits.sequences_max = static_cast<uint32_t>(1 + random() % 24);
  a.limits.step_tokens_max = a.limits.sequences_max + static_cast<uint32_t>(random() % 250);
  a.limits.waiting_max = streams_per_arrangement + embeddings_of(streams_per_arrangement);
  a.limits.prefix_cache = random() % 5 != 0;
  a.limits.draft_tokens_max = random() % 4 == 0 ? 0 : static_cast<uint32_t>(1 + random() % 8);
  a.limits.draft_match_min = static_cast<uint32_t>(1 + random() % 3);
  // The longest stream has 448 positions: 28 pages.
  a.group.kv_pages = static_cast<uint32_t>(28 + random() % (random() % 2 == 0 ? 20 : 200));
  a.group.rows_max = a.limits.step_tokens_max;
  a.group.sequences_max = a.limits.sequences_max;
  a.group.logits_max = std::min(a.group.rows_max, std::max(a.group.sequences_max, draft_step_tokens_max));
  std::ostringstream text;
  text << with.name << ", tp " << a.group.tp << ", " << a.group.threads << " threads, backend "
       << static_cast<int>(a.group.backend) << ", " << a.group.kv_pages << " pages, " << a.limits.sequences_max
       << " sequences, " << a.limits.step_tokens_max << " tokens a step, cache " << a.limits.prefix_cache
       << ", guesses " << a.limits.draft_tokens_max;
  a.text = text.str();
  return a;
}

/// One arrangement and its streams.
class run_of_streams {
 public:
  run_of_streams(const arrangement& how, std::vector<asked_stream> streams, uint32_t seed)
      : random_(seed), device_(how.group, how.limits), asked_(std::move(streams)) {
    for (size_t i = 0; i < asked_.size(); ++i) {
      number_of_seed_[asked_[i].request.sampling.seed] = i;
      to_come_.push_back(asked_[i].request);
    }
    got_.resize(asked_.size());
  }

  group_load run() {
    auto& streams = device_.streams();
    while (!to_come_.empty() || streams.size() > 0) {
      while (!to_come_.empty() && (streams.size() == 0 || random_() % 3 == 0)) admit();
      auto drawn = [this](const auto& task, size_t nth, const auto& token, uint64_t hash) {
        compare(task, nth, token, hash);
      };
      auto tokens = device_.step(drawn, [this] {
        if (random_() % 25 == 0) leave();
      });
      for (const auto& [key, token] : tokens) take(key, token);
      for (const auto& [key, embedding] : streams.take_embeddings()) take(key, embedding);
    }
    for (size_t i = 0; i < asked_.size(); ++i) BOOST_REQUIRE(got_[i].size() == asked_[i].expected.size());
    const auto embeds = [](const auto& stream) { return stream.request.pooling != pooling_kind::none; };
    BOOST_REQUIRE(embeddings_ == static_cast<size_t>(std::count_if(asked_.begin(), asked_.end(), embeds)));
    BOOST_TEST(streams.pages().used_pages() == 0u);
    return streams.load();
  }

  size_t embeddings() const { return embeddings_; }

 private:
  void admit() {
    const size_t at = random_() % to_come_.size();
    generate request = std::move(to_come_[at]);
    to_come_.erase(to_come_.begin() + static_cast<long>(at));
    const stream_key key{"gateway-0", 1, next_stream_++};
    const size_t number = number_of_seed_.at(request.sampling.seed);
    const auto admitted = device_.streams().admit(key, std::move(request));
    BOOST_REQUIRE_MESSAGE(admitted.has_value(), (admitted ? "" : admitted.err().detail));
    number_of_key_[key] = number;
  }

  // In the middle of a step; it comes again with the tokens that it has, as after the loss of its group.
  void leave() {
    if (number_of_key_.empty()) return;
    auto at = std::next(number_of_key_.begin(), static_cast<long>(random_() % number_of_key_.size()));
    BOOST_REQUIRE(device_.streams().cancel(at->first));
    generate again = asked_[at->second].request;
    again.committed = got_[at->second];
    to_come_.push_back(std::move(again));
    number_of_key_.erase(at);
  }

  void compare(const sampling_task& task, size_t nth, const sampled_token& token, uint64_t hash) {
    const auto& stream = asked_[number_of_seed_.at(task.params->seed)];
    const size_t index = task.ids->size() - task.prompt_tokens + nth;
    BOOST_REQUIRE(index < stream.expected.size());
    const drawn_token drawn{token.id, token.logprob, token.top, hash};
    BOOST_REQUIRE_MESSAGE(drawn == stream.expected[index],
                          "stream with seed " << task.params->seed << ", token " << index << " differs");
  }

  void take(const stream_key& key, const stream_token& token) {
    const size_t number = number_of_key_.at(key);
    const auto& stream = asked_[number];
    auto& got = got_[number];
    BOOST_REQUIRE(token.index == got.size());
    BOOST_REQUIRE(token.id == stream.expected[got.size()].id);
    got.push_back(token.id);
    const bool ends = got.size() == stream.expected.size();
    BOOST_REQUIRE((token.finish != finish_reason::none) == ends);
    if (ends) number_of_key_.erase(key);
  }

  void take(const stream_key& key, const stream_embedding& embedding) {
    const auto& stream = asked_[number_of_key_.at(key)];
    BOOST_REQUIRE_MESSAGE(same_bits(embedding.values, stream.embedding),
                          "the embedding of the stream with seed " << stream.request.sampling.seed << " differs");
    number_of_key_.erase(key);
    ++embeddings_;
  }

  std::mt19937 random_;
  batch_on_group device_;
  std::vector<asked_stream> asked_;
  std::vector<generate> to_come_;
  std::vector<std::vector<token_id>> got_;
  std::map<uint64_t, size_t> number_of_seed_;
  std::map<stream_key, size_t> number_of_key_;
  stream_id next_stream_ = 1;
  size_t embeddings_ = 0;
};

struct figures {
  group_load load;
  size_t embeddings = 0;
};

void add(figures& sum, const figures& more) {
  sum.embeddings += more.embeddings;
  group_load& all = sum.load;
  const group_load& one = more.load;
  all.steps += one.steps;
  all.prefilled_tokens += one.prefilled_tokens;
  all.generated_tokens += one.generated_tokens;
  all.preemptions += one.preemptions;
  all.prefix_tokens_hit += one.prefix_tokens_hit;
  all.drafted_tokens += one.drafted_tokens;
  all.accepted_tokens += one.accepted_tokens;
}

figures check_precision(const precision& with, uint32_t seed, size_t wanted, instant until) {
  const system_clock time;
  test_group reference({.folder = with.folder, .rows_max = 512, .kv_bf16 = with.kv_bf16});
  const uint32_t vocab_size = reference.leader().facts().vocab_size;
  std::mt19937 random(seed);
  figures all;
  size_t compared = 0;
  while (compared < wanted && (compared == 0 || time.now() < until)) {
    const arrangement how = draw_arrangement(random, with);
    const size_t count = std::min(streams_per_arrangement, wanted - compared);
    BOOST_TEST_CONTEXT("streams from " << compared << ": " << how.text) {
      auto streams = random_streams(reference, count, compared + 1, vocab_size);
      run_of_streams run(how, std::move(streams), static_cast<uint32_t>(compared));
      const group_load load = run.run();
      add(all, {load, run.embeddings()});
    }
    compared += count;
  }
  std::cout << "figures: same bits, " << with.name << ": " << compared << " streams, " << all.load.generated_tokens
            << " tokens and " << all.embeddings << " embeddings in " << all.load.steps << " steps; "
            << all.load.prefilled_tokens << " prompt tokens computed and " << all.load.prefix_tokens_hit << " found, "
            << all.load.preemptions << " preemptions, " << all.load.accepted_tokens << " of " << all.load.drafted_tokens
            << " guesses right; no difference" << std::endl;
  return all;
}

BOOST_AUTO_TEST_CASE(no_bit_depends_on_the_company) {
  const char* named = std::getenv("TROUPE_BITS_SEQUENCES");
  const size_t wanted = named ? std::strtoull(named, nullptr, 10) : default_streams;
  const temporary_folder folder;
  const auto all_precisions = precisions(folder.path());
  const instant begin = system_clock().now();
  figures all;
  for (uint32_t i = 0; i < all_precisions.size(); ++i) {
    const duration share = duration(default_time_max) * (i + 1) / static_cast<int>(all_precisions.size());
    add(all, check_precision(all_precisions[i], i + 1, wanted, named ? instant::max() : begin + share));
  }
  // A run in which nothing of this happens proves nothing.
  BOOST_TEST(all.embeddings > 20u);
  BOOST_TEST(all.load.preemptions > 0u);
  BOOST_TEST(all.load.prefix_tokens_hit > 1000u);
  BOOST_TEST(all.load.accepted_tokens > 50u);
  BOOST_TEST(all.load.drafted_tokens > all.load.accepted_tokens + 20u);
}

}  // namespace
}  // namespace troupe::test
