#include "shards/engine/shm_communicator.hpp"

#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>

#include "base/check.hpp"
#include "shards/engine/mapped_memory.hpp"

namespace troupe {
namespace {

constexpr size_t page_bytes = 4096;

constexpr size_t round_up(size_t n, size_t unit) { return (n + unit - 1) / unit * unit; }
constexpr size_t control_bytes = round_up(sizeof(shm::control), page_bytes);

}  // namespace

result<size_t> shm::slot_bytes(size_t floats_max) {
  if (floats_max > (size_t{1} << 40)) {
    return error{errc::out_of_memory,
                 "collectives of " + std::to_string(floats_max) + " floats are more than can be addressed"};
  }
  return round_up(std::max(floats_max, agreed_floats) * sizeof(float), page_bytes);
}

result<uint64_t> shm_communicator_bytes(uint32_t size, size_t floats_max) {
  TROUPE_TRY(check_ranks(0, size));
  TROUPE_ASSIGN(const size_t slot, shm::slot_bytes(floats_max));
  return uint64_t{control_bytes} + 2 * size * slot;
}

result<std::unique_ptr<shm_communicator>> shm_communicator::open(const shm_communicator_config& config,
                                                                 const clock& time) {
  TROUPE_ASSIGN(const uint64_t bytes, shm_communicator_bytes(config.size, config.floats_max));
  TROUPE_ASSIGN(const size_t slot, shm::slot_bytes(config.floats_max));
  TROUPE_TRY(check_ranks(config.rank, config.size));
  struct stat status {};
  if (fstat(config.fd, &status) != 0) {
    return error{errc::io_failed, "descriptor " + std::to_string(config.fd) +
                                      " of the group's memory: " + std::generic_category().message(errno)};
  }
  if (static_cast<uint64_t>(status.st_size) < bytes) {
    return error{errc::invalid_argument, "the group's memory has " + std::to_string(status.st_size) +
                                             " bytes; this group needs " + std::to_string(bytes)};
  }
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, config.fd, 0);
  if (memory == MAP_FAILED)
    return error{errc::io_failed, "cannot map the group's memory: " + std::generic_category().message(errno)};
  return std::unique_ptr<shm_communicator>(new shm_communicator(config, time, memory, bytes, slot));
}

shm_communicator::shm_communicator(const shm_communicator_config& config, const clock& time, void* memory, size_t bytes,
                                   size_t slot_bytes)
    : config_(config),
      memory_(memory, bytes),
      slot_bytes_(slot_bytes),
      group_(*static_cast<shm::control*>(memory), config.rank, {config.generation, config.floats_max, config.size},
             time),
      sum_(std::min(config.floats_max, one_shot_floats)) {}

shm_communicator::mapping::~mapping() { munmap(data, bytes); }

std::byte* shm_communicator::slot(uint32_t rank) const {
  return static_cast<std::byte*>(memory_.data) + control_bytes + (2 * rank + number_ % 2) * slot_bytes_;
}

result<void> shm_communicator::meet(duration deadline) {
  const duration usual = group_.deadline();
  group_.set_deadline(deadline);
  TROUPE_TRY(group_.join(deadline));
  TROUPE_TRY(barrier());
  group_.set_deadline(usual);
  return {};
}

result<void> shm_communicator::agree(std::string_view what, std::string_view text, duration deadline) {
  TROUPE_TRY(make_room());
  return agree_on(what, text, deadline, *this, group_, std::span(slot_floats(config_.rank), agreed_floats));
}

/// Waits until this turn's slots and call may be written: who has entered the last collective has done with the one
/// before, which used the same.
result<void> shm_communicator::make_room() {
  TROUPE_CHECK(group_.joined());
  TROUPE_TRY(group_.check());
  if (number_ == 0) return {};
  return group_.wait_for_all(static_cast<uint32_t>(2 * (number_ - 1) + 1));
}

result<void> shm_communicator::enter(call_kind kind, uint64_t size) {
  TROUPE_TRY(make_room());
  group_.of(config_.rank).calls[number_ % 2] = {kind, size};
  group_.raise(entered());
  return {};
}

/// Only after all have entered.
result<void> shm_communicator::check_calls() const {
  const collective_call& ours = group_.of(config_.rank).calls[number_ % 2];
  for (uint32_t peer = 0; peer < config_.size; ++peer) {
    const collective_call& theirs = group_.of(peer).calls[number_ % 2];
    if (theirs != ours) return different_calls(config_.rank, ours, peer, theirs);
  }
  return {};
}

void shm_communicator::leave() {
  group_.raise(done());
  ++number_;
}

result<std::span<float>> shm_communicator::input(size_t floats) {
  TROUPE_CHECK(floats <= config_.floats_max);
  TROUPE_TRY(make_room());
  return std::span(slot_floats(config_.rank), floats);
}

/// out[i] = the sum over the ranks' slots, for i in [begin, end).
void shm_communicator::add_up(size_t begin, size_t end, float* out) const {
  std::array<const float*, shm::ranks_max> from{};
  for (uint32_t r = 0; r < config_.size; ++r) from[r] = slot_floats(r) + begin;
  add_in_tree(std::span(from).first(config_.size), end - begin, out + begin);
}

result<std::span<const float>> shm_communicator::all_reduce_tree(size_t floats) {
  TROUPE_CHECK(floats <= config_.floats_max);
  TROUPE_TRY(enter(call_kind::all_reduce, floats));
  TROUPE_TRY(group_.wait_for_all(entered()));
  if (auto same = check_calls(); !same) return group_.fail(std::move(same).err());
  if (floats <= sum_.size()) {
    add_up(0, floats, sum_.data());
    leave();
    return std::span<const float>(sum_).first(floats);
  }
  // Shares are whole cache lines. Each rank writes into a part of slot 0 that no other rank reads before it has done
  // so.
  const size_t share = round_up((floats + config_.size - 1) / config_.size, 16);
  float* sums = slot_floats(0);
  add_up(std::min(share * config_.rank, floats), std::min(share * (config_.rank + 1), floats), sums);
  group_.raise(done());
  TROUPE_TRY(group_.wait_for_all(done()));
  ++number_;
  return std::span<const float>(sums, floats);
}

result<std::vector<std::span<const float>>> shm_communicator::all_gather(size_t floats) {
  TROUPE_CHECK(floats * sizeof(float) <= slot_bytes_);
  TROUPE_TRY(enter(call_kind::all_gather, floats));
  TROUPE_TRY(group_.wait_for_all(entered()));
  if (auto same = check_calls(); !same) return group_.fail(std::move(same).err());
  std::vector<std::span<const float>> parts;
  for (uint32_t r = 0; r < config_.size; ++r) parts.emplace_back(slot_floats(r), floats);
  leave();
  return parts;
}

result<void> shm_communicator::broadcast(std::vector<std::byte>& bytes, patience how) {
  if (config_.rank == 0) TROUPE_TRY(check_broadcast(bytes.size()));
  // In pieces of a slot; the first one says how long the whole is.
  size_t at = 0;
  do {
    if (config_.rank == 0) {
      TROUPE_TRY(make_room());
      const size_t piece = std::min(bytes.size() - at, slot_bytes_);
      if (piece > 0) std::memcpy(slot(0), bytes.data() + at, piece);
      at += piece;
      TROUPE_TRY(enter(call_kind::broadcast, bytes.size()));
    } else {
      TROUPE_TRY(enter(call_kind::broadcast, 0));
      TROUPE_TRY(group_.wait_for(0, entered(), at == 0 ? how : patience::deadline));
      const collective_call& theirs = group_.of(0).calls[number_ % 2];
      if (theirs.kind != call_kind::broadcast || theirs.size > broadcast_bytes_max ||
          (at > 0 && theirs.size != bytes.size())) {
        return group_.fail(different_calls(config_.rank, {call_kind::broadcast, 0}, 0, theirs));
      }
      bytes.resize(theirs.size);
      const size_t piece = std::min(bytes.size() - at, slot_bytes_);
      if (piece > 0) std::memcpy(bytes.data() + at, slot(0), piece);
      at += piece;
    }
    leave();
  } while (at < bytes.size());
  return {};
}

result<void> shm_communicator::barrier() {
  TROUPE_TRY(enter(call_kind::barrier, 0));
  TROUPE_TRY(group_.wait_for_all(entered()));
  if (auto same = check_calls(); !same) return group_.fail(std::move(same).err());
  leave();
  return {};
}

}  // namespace troupe
