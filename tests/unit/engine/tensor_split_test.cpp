#include "shards/engine/tensor_split.hpp"

#include <boost/test/unit_test.hpp>

#include "shards/model/model_config.hpp"

namespace troupe {
namespace {

model_config config_with(uint32_t heads, uint32_t kv_heads, uint32_t intermediate, uint32_t vocab) {
  model_config config;
  config.heads = heads;
  config.kv_heads = kv_heads;
  config.intermediate = intermediate;
  config.vocab_size = vocab;
  return config;
}

BOOST_AUTO_TEST_CASE(widths_that_divide_nothing_are_cut_without_gap_or_overlap) {
  const model_config config = config_with(8, 4, 171, 509);
  for (const uint32_t tp : {1, 2, 4, 8}) {
    uint64_t intermediate = 0;
    uint64_t vocab = 0;
    for (uint32_t rank = 0; rank < tp; ++rank) {
      const rank_slice slice = split_model(config, tp, rank).value();
      BOOST_TEST(slice.intermediate.begin == intermediate);
      BOOST_TEST(slice.vocab.begin == vocab);
      BOOST_TEST(slice.vocab.size() <= slice.vocab_stride);
      intermediate = slice.intermediate.end;
      vocab = slice.vocab.end;
      // The shards of K fill exactly what the rank has.
      const std::vector<uint64_t> bounds = shard_bounds_of(171, tp, rank);
      BOOST_TEST(bounds.size() == 8 / tp + 1);
      BOOST_TEST(bounds.front() == 0u);
      BOOST_TEST(bounds.back() == slice.intermediate.size());
    }
    BOOST_TEST(intermediate == 171u);
    BOOST_TEST(vocab == 509u);
  }
}

BOOST_AUTO_TEST_CASE(the_shards_of_k_are_the_same_for_any_number_of_ranks) {
  const std::vector<uint64_t> whole = shard_bounds_of(171, 1, 0);
  for (const uint32_t tp : {2, 4, 8}) {
    for (uint32_t rank = 0; rank < tp; ++rank) {
      const std::vector<uint64_t> bounds = shard_bounds_of(171, tp, rank);
      const uint64_t begin = part_of(171, rank, tp).begin;
      for (size_t s = 0; s < bounds.size(); ++s) BOOST_TEST(begin + bounds[s] == whole[rank * 8 / tp + s]);
    }
  }
}

BOOST_AUTO_TEST_CASE(each_query_head_keeps_its_key_value_head) {
  for (const auto& [heads, kv_heads, tp] :
       std::vector<std::array<uint32_t, 3>>{{8, 4, 4}, {8, 2, 4}, {8, 1, 8}, {6, 3, 1}}) {
    for (uint32_t rank = 0; rank < tp; ++rank) {
      const rank_slice slice = split_model(config_with(heads, kv_heads, 8, 8), tp, rank).value();
      for (uint64_t h = 0; h < slice.heads.size(); ++h) {
        const uint64_t expected = (slice.heads.begin + h) / (heads / kv_heads);
        BOOST_TEST(slice.kv_heads.begin + slice.kv_of_head[h] == expected);
        BOOST_TEST(slice.kv_of_head[h] < slice.kv_heads.size());
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(splits_that_cannot_be_are_refused_with_the_numbers) {
  auto refusal = [](uint32_t heads, uint32_t kv_heads, uint32_t tp) {
    return split_model(config_with(heads, kv_heads, 8, 8), tp, 0).err().detail;
  };
  BOOST_TEST(refusal(6, 6, 4) ==
             "a model of 6 attention heads and 6 key/value heads cannot be split over 4 ranks, only over 1, 2");
  BOOST_TEST(refusal(12, 3, 2) ==
             "a model of 12 attention heads and 3 key/value heads cannot be split over 2 ranks, only over 1");
  BOOST_TEST(refusal(8, 2, 3) ==
             "a model of 8 attention heads and 2 key/value heads cannot be split over 3 ranks, only over 1, 2, 4, 8");
  BOOST_TEST(split_model(config_with(8, 8, 8, 8), 2, 2).err().detail == "rank 2 is not below tp = 2");
}

}  // namespace
}  // namespace troupe
