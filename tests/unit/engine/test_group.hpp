// A group whose ranks are threads of the test: rank 0 is the thread that makes it.
#pragma once

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.hpp"
#include "shards/engine/shard.hpp"
#include "tests/unit/engine/group_place.hpp"

namespace troupe::test {

struct group_options {
  std::string folder;
  uint32_t tp = 1;
  uint32_t threads = 1;
  cpu_backend_choice backend = cpu_backend_choice::automatic;
  uint32_t kv_pages = 64;
  uint32_t rows_max = 256;
  uint32_t sequences_max = 64;
  uint32_t logits_max = 0;
  bool kv_bf16 = false;
  transport how = transport::shm;
};

shard_config config_of(const group_options& options, uint32_t rank);

using logits_rows = std::vector<std::vector<float>>;

class test_group {
 public:
  explicit test_group(const group_options& options);
  /// Ends the other ranks' threads.
  ~test_group();
  test_group(const test_group&) = delete;
  test_group& operator=(const test_group&) = delete;

  shard& leader() { return *shard_; }
  /// Copies of the logits that the plan asks for.
  logits_rows step(const step_plan& plan);

 private:
  system_clock clock_;
  std::unique_ptr<group_place> place_;
  std::vector<std::thread> followers_;
  std::unique_ptr<communicator> group_;
  std::unique_ptr<shard> shard_;
};

/// One sequence in chunks of these sizes (the last as often as needed); the logits after each chunk. It has the pages
/// first_page, first_page + page_step, ...
logits_rows run_in_chunks(test_group& group, const std::vector<token_id>& tokens, const std::vector<uint32_t>& chunks,
                          uint32_t first_page = 0, uint32_t page_step = 1);

/// The `count` most likely tokens one after the other, after a prompt that goes through the model as a whole.
std::vector<token_id> greedy(test_group& group, const std::vector<token_id>& prompt, size_t count);

/// Pages for `positions` positions.
std::vector<uint32_t> pages_for(size_t positions, uint32_t first_page = 0, uint32_t page_step = 1);

/// Whether two rows have the same bits.
bool same_bits(const std::vector<float>& a, const std::vector<float>& b);

}  // namespace troupe::test
