// The communicator of a group of one rank: nothing to wait for, nothing to add.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>

#include "shards/engine/communicator.hpp"

namespace troupe {

class local_communicator final : public communicator {
 public:
  explicit local_communicator(size_t floats_max)
      : floats_max_(floats_max), values_(std::make_unique_for_overwrite<float[]>(floats_max)) {}

  uint32_t rank() const override { return 0; }
  uint32_t size() const override { return 1; }
  size_t floats_max() const override { return floats_max_; }

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

  size_t floats_max_;
  /// The input, which is the result.
  std::unique_ptr<float[]> values_;
  std::atomic<bool> aborted_{false};
  std::mutex mutex_;
  std::string reason_;
};

}  // namespace troupe
