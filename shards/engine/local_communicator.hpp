// The communicator of a group of one rank: nothing to wait for, nothing to add.
#pragma once

#include <array>
#include <atomic>
#include <mutex>
#include <string>

#include "shards/engine/communicator.hpp"

namespace troupe {

class local_communicator final : public communicator {
 public:
  explicit local_communicator(size_t floats_max)
      : values_{std::vector<float>(floats_max), std::vector<float>(floats_max)} {}

  uint32_t rank() const override { return 0; }
  uint32_t size() const override { return 1; }
  size_t floats_max() const override { return values_[0].size(); }

  result<void> agree(std::string_view what, std::string_view text, duration deadline) override;
  result<std::span<float>> input(size_t floats) override;
  result<std::span<const float>> all_reduce_tree(size_t floats) override;
  result<std::vector<std::span<const float>>> all_gather(size_t floats) override;
  result<void> broadcast(std::vector<std::byte>& bytes, patience how) override;
  result<void> barrier() override;
  result<void> check() override;
  void set_deadline(duration deadline) override;
  void abort(std::string_view why) override;

 private:
  result<std::span<const float>> take(size_t floats);

  /// Two by turns: the next input may be written while the last result is being read.
  std::array<std::vector<float>, 2> values_;
  size_t turn_ = 0;
  std::atomic<bool> aborted_{false};
  std::mutex mutex_;
  std::string reason_;
};

}  // namespace troupe
