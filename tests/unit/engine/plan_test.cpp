// What is planned before a model is loaded is what a rank then has: by its own word, and by what its backend was asked
// for.
#include <boost/test/unit_test.hpp>
#include <fstream>

#include "shards/engine/backend_decorator.hpp"
#include "shards/engine/group_plan.hpp"
#include "shards/engine/local_communicator.hpp"
#include "shards/model/quantise_model.hpp"
#include "tests/support/test_data.hpp"
#include "tests/unit/engine/golden_model.hpp"
#include "tests/unit/engine/random_model.hpp"

namespace troupe {
namespace {

using test::temporary_folder;

/// One rank of several that are not there: it loads by itself.
class lone_rank final : public communicator {
 public:
  lone_rank(uint32_t rank, uint32_t size, size_t floats) : rank_(rank), size_(size), floats_(floats) {}
  uint32_t rank() const override { return rank_; }
  uint32_t size() const override { return size_; }
  size_t floats_max() const override { return floats_; }
  result<void> agree(std::string_view, std::string_view, duration) override { return {}; }
  result<std::span<float>> input(size_t) override { return alone(); }
  result<std::span<const float>> all_reduce_tree(size_t) override { return alone(); }
  result<std::vector<std::span<const float>>> all_gather(size_t) override { return alone(); }
  result<void> broadcast(std::vector<std::byte>&, patience) override { return alone(); }
  result<void> barrier() override { return alone(); }
  result<void> check() override { return {}; }
  void set_deadline(duration) override {}
  void abort(std::string_view) override {}

 private:
  static error alone() { return {errc::unavailable, "this rank is alone"}; }
  uint32_t rank_, size_;
  size_t floats_;
};

struct asked_bytes {
  uint64_t allocated = 0, matrices = 0, rows = 0, kv = 0;
  uint64_t sum() const { return allocated + matrices + rows + kv; }
};

class counting_backend final : public backend_decorator {
 public:
  counting_backend(std::unique_ptr<backend> inner, asked_bytes& asked)
      : backend_decorator(std::move(inner)), asked_(asked) {}

  result<float_buffer> allocate(size_t floats) override {
    asked_.allocated += floats * sizeof(float);
    return backend_decorator::allocate(floats);
  }
  result<std::unique_ptr<matrix>> load_matrix(const matrix_source& source) override {
    asked_.matrices += matrix_bytes(source);
    sources_.push_back(source);
    return backend_decorator::load_matrix(source);
  }
  result<void> reserve_rows(uint32_t rows) override {
    asked_.rows += rows_bytes(sources_, rows);
    return backend_decorator::reserve_rows(rows);
  }
  result<std::unique_ptr<kv_memory>> make_kv_memory(const kv_shape& shape) override {
    asked_.kv += kv_page_bytes(shape) * shape.pages;
    return backend_decorator::make_kv_memory(shape);
  }

 private:
  asked_bytes& asked_;
  std::vector<matrix_source> sources_;
};

shard_config config_of(const std::string& folder, uint32_t tp) {
  return {.model_folder = folder,
          .tp = tp,
          .kv_pages = 40,
          .rows_max = 96,
          .sequences_max = 7,
          .logits_max = 11,
          .system_root = {}};
}

void compare(shard_config config) {
  const uint32_t tp = config.tp;
  const auto plan = plan_group({.shard = config, .memory = uint64_t{1} << 40});
  BOOST_REQUIRE_MESSAGE(plan.has_value(), (plan ? "" : plan.err().detail));
  BOOST_REQUIRE(plan->ranks.size() == tp);
  for (config.rank = 0; config.rank < tp; ++config.rank) {
    lone_rank group(config.rank, tp, shard_floats_max(config).value());
    asked_bytes asked;
    auto device = std::make_unique<counting_backend>(make_cpu_backend(config.backend, 1).value(), asked);
    const auto opened = shard::open(config, group, std::move(device));
    BOOST_REQUIRE_MESSAGE(opened.has_value(), (opened ? "" : opened.err().detail));
    const shard_facts& facts = (*opened)->facts();
    const shard_plan& rank = plan->ranks[config.rank];
    BOOST_TEST_CONTEXT(config.model_folder << " tp " << tp << " rank " << config.rank) {
      BOOST_TEST(facts.weights_bytes == rank.weights_bytes);
      BOOST_TEST(facts.working_bytes == rank.working_bytes);
      BOOST_TEST(facts.kv_page_bytes == rank.kv_page_bytes);
      BOOST_TEST(facts.kv_pages == rank.kv_pages);
      BOOST_TEST(facts.context_max == rank.context_max);
      BOOST_TEST(asked.kv == rank.kv_bytes());
      BOOST_TEST(asked.sum() == rank.bytes());
    }
  }
}

std::string bundled_model() { return test::source_folder() + "/models/troupe-tiny"; }

BOOST_AUTO_TEST_CASE(a_plan_of_the_bundled_model_is_what_its_ranks_have) {
  const temporary_folder folder;
  quantise_model(bundled_model(), folder / "int8", {.bits = 8}).value();
  quantise_model(bundled_model(), folder / "int4", {.bits = 4}).value();
  for (const uint32_t tp : {1U, 2U, 4U, 8U})
    for (const std::string& model : {bundled_model(), folder / "int8", folder / "int4"}) compare(config_of(model, tp));
}

BOOST_AUTO_TEST_CASE(pages_of_bf16_are_half_as_large) {
  shard_config config = config_of(bundled_model(), 2);
  const group_plan whole = plan_group({.shard = config, .memory = uint64_t{1} << 40}).value();
  config.kv_bf16 = true;
  const group_plan half = plan_group({.shard = config, .memory = uint64_t{1} << 40}).value();
  for (size_t rank = 0; rank < 2; ++rank)
    BOOST_TEST(2 * half.ranks[rank].kv_page_bytes == whole.ranks[rank].kv_page_bytes);
  compare(config);
}

BOOST_AUTO_TEST_CASE(a_plan_of_each_family_is_what_its_ranks_have) {
  for (const test::golden_family& family : test::golden_families()) {
    const temporary_folder folder;
    test::write_golden_model(family, dtype::bf16, folder.path());
    compare(config_of(folder.path(), 1));
    compare(config_of(folder.path(), 2));
  }
}

group_plan_request request_of(uint64_t memory, uint32_t kv_pages, uint32_t context) {
  group_plan_request request{.shard = config_of(bundled_model(), 2), .memory = memory, .context = context};
  request.shard.kv_pages = kv_pages;
  return request;
}

std::string refusal(const group_plan_request& request, errc code) {
  const auto plan = plan_group(request);
  if (plan) return "planned";
  BOOST_TEST((plan.err().code == code));
  return plan.err().detail;
}

BOOST_AUTO_TEST_CASE(as_many_pages_as_fit_and_not_one_more) {
  const uint64_t memory = 64 << 20;
  const group_plan plan = plan_group(request_of(memory, 0, 0)).value();
  BOOST_TEST(plan.kv_pages > 100U);
  BOOST_TEST(plan.bytes <= memory);
  BOOST_TEST(plan.ranks[0].bytes() + plan.ranks[1].bytes() + plan.exchange_bytes == plan.bytes);
  BOOST_TEST(plan.context == 1024U);
  BOOST_TEST(plan.streams == plan.kv_pages / 64);
  const std::string refused = refusal(request_of(memory, plan.kv_pages + 1, 0), errc::out_of_memory);
  BOOST_TEST(refused.find("there are 64 MiB, enough for " + std::to_string(plan.kv_positions())) != std::string::npos,
             refused);
  BOOST_TEST(plan_group(request_of(plan.bytes, plan.kv_pages, 0))->kv_pages == plan.kv_pages);
  BOOST_TEST(plan_group(request_of(plan.bytes - 1, 0, 0))->kv_pages == plan.kv_pages - 1);
}

BOOST_AUTO_TEST_CASE(of_a_group_over_several_hosts_each_has_to_hold_its_own_ranks) {
  group_plan_request request = request_of(64 << 20, 10, 0);
  request.shard.tp = 4;
  request.hosts = 2;
  const group_plan plan = plan_group(request).value();
  const auto of_host = [&](size_t first) {
    return plan.ranks[first].bytes() + plan.ranks[first + 1].bytes() + plan.exchange_bytes;
  };
  // Rank 0 has the logits of all.
  BOOST_TEST(of_host(0) > of_host(2));
  BOOST_TEST(plan.bytes == of_host(0));
  request.memory = plan.bytes;
  BOOST_TEST(plan_group(request).has_value());
  request.memory = plan.bytes - 1;
  const std::string refused = refusal(request, errc::out_of_memory);
  BOOST_TEST(refused.find(" for 2 ranks on each host (weights ") != std::string::npos, refused);
  request.hosts = 3;
  BOOST_TEST(refusal(request, errc::invalid_argument) == "4 ranks cannot be spread evenly over 3 hosts");
}

BOOST_AUTO_TEST_CASE(streams_of_a_shorter_context_take_whole_pages) {
  const group_plan plan = plan_group(request_of(64 << 20, 10, 33)).value();
  BOOST_TEST(plan.kv_positions() == 160U);
  BOOST_TEST(plan.streams == 3U);
  BOOST_TEST(plan_group(request_of(64 << 20, 10, 0))->context == 160U);
  BOOST_TEST(plan_group(request_of(64 << 20, 10, 0))->streams == 1U);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_is_refused_with_its_numbers) {
  BOOST_TEST(refusal(request_of(64 << 20, 0, 1025), errc::invalid_argument) ==
             "a context of 1025 positions is longer than the 1024 of the model");
  BOOST_TEST(refusal(request_of(64 << 20, 10, 161), errc::invalid_argument) ==
             "a context of 161 positions is longer than the 160 that have room for keys and values");
  BOOST_TEST(refusal(request_of(1 << 20, 0, 0), errc::out_of_memory).ends_with("there are 1 MiB, too few for any"));
  const group_plan few = plan_group(request_of(64 << 20, 10, 0)).value();
  const std::string refused = refusal(request_of(few.bytes, 0, 1000), errc::out_of_memory);
  BOOST_TEST(refused.find("with keys and values of 1008 positions needs") != std::string::npos, refused);
  BOOST_TEST(refused.ends_with("enough for 160"), refused);

  group_plan_request request = request_of(64 << 20, 0, 0);
  request.shard.tp = 3;
  BOOST_TEST(refusal(request, errc::invalid_argument) ==
             "a model of 8 attention heads and 4 key/value heads cannot be "
             "split over 3 ranks, only over 1, 2, 4, 8");
  request.shard.tp = 2;
  request.shard.sequences_max = 97;
  BOOST_TEST(refusal(request, errc::invalid_argument) == "sequences_max must be from 1 to rows_max (96), not 97");
  request.shard.model_folder += "/none";
  request.shard.sequences_max = 1;
  BOOST_TEST(refusal(request, errc::io_failed).find("none/config.json") != std::string::npos);
}

}  // namespace
}  // namespace troupe
