#include "shards/engine/tcp_communicator.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <system_error>

#include "base/check.hpp"
#include "shards/engine/tcp_meeting.hpp"

namespace troupe {
namespace {

/// Shares are whole cache lines.
constexpr size_t floats_per_line = 16;

result<void> make_nonblocking(int fd) {
  const int flags = fcntl(fd, F_GETFL);
  if (flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0) return {};
  return error{errc::io_failed,
               "descriptor " + std::to_string(fd) + " to listen on: " + std::generic_category().message(errno)};
}

}  // namespace

result<std::unique_ptr<tcp_communicator>> tcp_communicator::open(const tcp_communicator_config& config,
                                                                 const clock& time) {
  TROUPE_TRY(check_ranks(config.rank, config.size));
  if (config.floats_max > (size_t{1} << 32)) {
    return error{errc::out_of_memory,
                 "collectives of " + std::to_string(config.floats_max) + " floats are more than fit in memory"};
  }
  if (config.addresses.size() != config.size) {
    return error{errc::invalid_argument, std::to_string(config.addresses.size()) + " addresses for a group of " +
                                             std::to_string(config.size) + " ranks"};
  }
  std::vector<tcp::socket_address> below;
  for (uint32_t peer = 0; peer < config.rank; ++peer) {
    TROUPE_ASSIGN(below.emplace_back(), tcp::resolve(config.addresses[peer]));
  }
  if (config.rank + 1 < config.size) TROUPE_TRY(make_nonblocking(config.listening_fd));
  std::unique_ptr<tcp_communicator> opened(new tcp_communicator(config, std::move(below), time));
  TROUPE_TRY(opened->group_.open());
  return opened;
}

/// Two inputs, what each other rank has sent, and the sum.
uint64_t tcp_communicator_bytes(uint32_t size, size_t floats_max) {
  return (uint64_t{size} + 2) * floats_max * sizeof(float);
}

tcp_communicator::tcp_communicator(const tcp_communicator_config& config, std::vector<tcp::socket_address> below,
                                   const clock& time)
    : config_(config),
      below_(std::move(below)),
      time_(time),
      who_{config.generation, config.floats_max, config.size, config.secret},
      group_(config.rank, who_, time),
      received_(config.size),
      sum_(config.floats_max) {
  const size_t floats = std::max(config.floats_max, agreed_floats);
  for (auto& each : inputs_) each.resize(floats);
  for (uint32_t peer = 0; peer < config.size; ++peer)
    if (peer != config.rank) received_[peer].resize(floats);
}

result<void> tcp_communicator::meet(duration deadline) {
  TROUPE_TRY(group_.check());
  tcp::meeting meeting(group_, config_.rank, who_, config_.listening_fd, below_, time_);
  if (auto met = meeting.run(deadline); !met) return group_.fail(std::move(met).err());
  const duration usual = group_.deadline();
  group_.set_deadline(deadline);
  TROUPE_TRY(barrier());
  group_.set_deadline(usual);
  return {};
}

void tcp_communicator::send(uint32_t peer, call_kind kind, uint64_t size, std::span<const std::byte> payload) {
  group_.link(peer).start_sending({tcp::kind_of(kind), group_.number(), size, payload.size()}, payload);
}

void tcp_communicator::receive(uint32_t peer, call_kind kind, uint64_t size, std::span<std::byte> payload) {
  group_.link(peer).start_receiving({tcp::kind_of(kind), group_.number(), size, payload.size()}, payload);
}

result<void> tcp_communicator::finish(patience how) {
  TROUPE_TRY(group_.exchange(how));
  group_.next();
  return {};
}

result<void> tcp_communicator::agree(std::string_view what, std::string_view text, duration deadline) {
  TROUPE_TRY(group_.check());
  return agree_on(what, text, deadline, *this, group_, inputs().first(agreed_floats));
}

result<std::span<float>> tcp_communicator::input(size_t floats) {
  TROUPE_CHECK(floats <= config_.floats_max);
  TROUPE_TRY(group_.check());
  return inputs().first(floats);
}

/// Our whole input to each other rank, theirs into received().
result<void> tcp_communicator::swap_all(call_kind kind, size_t floats) {
  TROUPE_TRY(group_.check());
  for (uint32_t peer = 0; peer < config_.size; ++peer) {
    if (peer == config_.rank) continue;
    send(peer, kind, floats, std::as_bytes(inputs().first(floats)));
    receive(peer, kind, floats, std::as_writable_bytes(received(peer).first(floats)));
  }
  return finish();
}

result<std::span<const float>> tcp_communicator::all_reduce_tree(size_t floats) {
  TROUPE_CHECK(floats <= config_.floats_max);
  // Between two ranks the second shot saves nothing: each would send as much.
  if (floats > one_shot_floats && config_.size > 2) {
    TROUPE_TRY(add_in_two_shots(floats));
  } else {
    TROUPE_TRY(swap_all(call_kind::all_reduce, floats));
    std::array<const float*, collective_ranks_max> from{};
    for (uint32_t r = 0; r < config_.size; ++r) from[r] = r == config_.rank ? inputs().data() : received_[r].data();
    add_in_tree(std::span(from).first(config_.size), floats, sum_.data());
  }
  turn_ = 1 - turn_;
  return std::span<const float>(sum_).first(floats);
}

tcp_communicator::part tcp_communicator::share(uint32_t rank, size_t floats) const {
  const size_t lines = (floats + floats_per_line - 1) / floats_per_line;
  const size_t length = (lines + config_.size - 1) / config_.size * floats_per_line;
  return {std::min(length * rank, floats), std::min(length * (rank + 1), floats)};
}

result<void> tcp_communicator::add_in_two_shots(size_t floats) {
  TROUPE_TRY(group_.check());
  const part mine = share(config_.rank, floats);
  std::array<const float*, collective_ranks_max> from{};
  for (uint32_t peer = 0; peer < config_.size; ++peer) {
    if (peer == config_.rank) {
      from[peer] = inputs().data() + mine.begin;
      continue;
    }
    const part theirs = share(peer, floats);
    send(peer, call_kind::all_reduce, floats, std::as_bytes(inputs().subspan(theirs.begin, theirs.size())));
    receive(peer, call_kind::all_reduce, floats, std::as_writable_bytes(received(peer).first(mine.size())));
    from[peer] = received_[peer].data();
  }
  TROUPE_TRY(finish());
  const std::span<float> sums = std::span(sum_);
  add_in_tree(std::span(from).first(config_.size), mine.size(), sums.data() + mine.begin);
  for (uint32_t peer = 0; peer < config_.size; ++peer) {
    if (peer == config_.rank) continue;
    const part theirs = share(peer, floats);
    send(peer, call_kind::all_reduce, floats, std::as_bytes(sums.subspan(mine.begin, mine.size())));
    receive(peer, call_kind::all_reduce, floats, std::as_writable_bytes(sums.subspan(theirs.begin, theirs.size())));
  }
  return finish();
}

result<std::vector<std::span<const float>>> tcp_communicator::all_gather(size_t floats) {
  TROUPE_CHECK(floats <= inputs().size());
  TROUPE_TRY(swap_all(call_kind::all_gather, floats));
  std::vector<std::span<const float>> parts;
  for (uint32_t r = 0; r < config_.size; ++r)
    parts.emplace_back((r == config_.rank ? inputs() : received(r)).first(floats));
  turn_ = 1 - turn_;
  return parts;
}

result<void> tcp_communicator::broadcast(std::vector<std::byte>& bytes, patience how) {
  if (config_.rank == 0) {
    TROUPE_TRY(check_broadcast(bytes.size()));
    TROUPE_TRY(group_.check());
    for (uint32_t peer = 1; peer < config_.size; ++peer) send(peer, call_kind::broadcast, bytes.size(), bytes);
    return finish();
  }
  TROUPE_TRY(group_.check());
  tcp::link& leader = group_.link(0);
  leader.start_receiving({tcp::kind_of(call_kind::broadcast), group_.number(), 0, 0}, {}, true);
  TROUPE_TRY(group_.exchange(how));
  bytes.resize(leader.received_head().payload_bytes);
  leader.start_receiving_payload(bytes);
  return finish();
}

result<void> tcp_communicator::barrier() { return swap_all(call_kind::barrier, 0); }

}  // namespace troupe
