#include "shards/engine/local_communicator.hpp"

#include "base/check.hpp"

namespace troupe {

result<void> local_communicator::agree(std::string_view, std::string_view, duration) { return check(); }

result<std::span<float>> local_communicator::input(size_t floats) {
  TROUPE_CHECK(floats <= floats_max());
  TROUPE_TRY(check());
  return std::span(values_.get(), floats);
}

result<std::span<const float>> local_communicator::take(size_t floats) {
  TROUPE_CHECK(floats <= floats_max());
  TROUPE_TRY(check());
  return std::span<const float>(values_.get(), floats);
}

result<std::span<const float>> local_communicator::all_reduce_tree(size_t floats) { return take(floats); }

result<std::vector<std::span<const float>>> local_communicator::all_gather(size_t floats) {
  TROUPE_ASSIGN(const std::span<const float> mine, take(floats));
  return std::vector<std::span<const float>>{mine};
}

result<void> local_communicator::broadcast(std::vector<std::byte>&, patience) { return check(); }

result<void> local_communicator::barrier() { return check(); }

result<void> local_communicator::check() {
  if (!aborted_.load(std::memory_order_acquire)) return {};
  const std::lock_guard lock(mutex_);
  return error{errc::aborted, reason_};
}

void local_communicator::set_deadline(duration) {}

void local_communicator::abort(std::string_view why) {
  const std::lock_guard lock(mutex_);
  if (aborted_.load(std::memory_order_relaxed)) return;
  reason_ = why;
  aborted_.store(true, std::memory_order_release);
}

}  // namespace troupe
