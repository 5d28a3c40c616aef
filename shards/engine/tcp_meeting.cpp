#include "shards/engine/tcp_meeting.hpp"

#include <poll.h>

#include <algorithm>
#include <system_error>

namespace troupe::tcp {
namespace {

/// Of connections that have not said who they are; the oldest makes room.
constexpr size_t strangers_max = 32;
constexpr duration slice = std::chrono::milliseconds(10);
constexpr duration before_next_try = std::chrono::milliseconds(50);

}  // namespace

result<void> meeting::run(duration deadline) {
  until_ = time_.now() + deadline;
  // In the order of the ranks: rank 0 waits for nobody below it, so somebody always goes on.
  for (uint32_t peer = 0; peer < rank_; ++peer) {
    TROUPE_TRY(connect_to(peer, channel::control));
    TROUPE_TRY(connect_to(peer, channel::data));
  }
  while (const auto peer = missing()) {
    if (time_.now() >= until_) return not_in_time(*peer);
    TROUPE_TRY(let_in());
  }
  return {};
}

std::optional<uint32_t> meeting::missing() const {
  for (uint32_t peer = rank_ + 1; peer < who_.size; ++peer)
    if (!group_.attached(peer, channel::data) || !group_.attached(peer, channel::control)) return peer;
  return std::nullopt;
}

error meeting::not_in_time(uint32_t peer) const {
  return {errc::deadline_exceeded, rank_text(peer) + " has not joined the group in time" +
                                       (last_trouble_.empty() ? "" : " (" + last_trouble_ + ")")};
}

result<void> meeting::connect_to(uint32_t peer, channel which) {
  for (;;) {
    TROUPE_ASSIGN(const bool done, try_to_connect(peer, which));
    if (done) return {};
    if (time_.now() >= until_) return not_in_time(peer);
    TROUPE_TRY(group_.watch(before_next_try));
  }
}

/// False where another attempt may succeed: nobody listens yet, or who did has gone.
result<bool> meeting::try_to_connect(uint32_t peer, channel which) {
  const socket_address& where = below_[peer];
  auto begun = begin_connect(where);
  if (!begun) {
    last_trouble_ = begun.err().detail;
    return false;
  }
  unique_fd fd = std::move(begun).value();
  while (!wait_for_event(fd.get(), POLLOUT, slice)) {
    TROUPE_TRY(group_.check());
    if (time_.now() >= until_) return not_in_time(peer);
  }
  if (const int reason = connect_error(fd.get()); reason != 0) {
    last_trouble_ = where.text + ": " + std::generic_category().message(reason);
    return false;
  }
  const hello_block ours = encode(hello{.channel = which, .rank = rank_, .wanted = peer, .group = who_});
  // A new connection has room for this.
  if (send_some(fd.get(), ours).bytes != ours.size()) return false;

  const std::string who = rank_text(peer) + " at " + where.text;
  answer_block bytes;
  TROUPE_ASSIGN(const bool answered, receive_all(fd.get(), peer, bytes));
  if (!answered) {
    last_trouble_ = where.text + " closes the connection without an answer";
    return false;
  }
  auto answer = parse_answer(bytes);
  if (!answer) return with_context(std::move(answer).err(), who);
  if (!answer->welcome) {
    std::string text(answer->text_bytes, '\0');
    TROUPE_ASSIGN(const bool explained, receive_all(fd.get(), peer, std::as_writable_bytes(std::span(text))));
    return error{errc::conflict, who + " refuses " + rank_text(rank_) + ": " + (explained ? text : "no reason given")};
  }
  if (answer->rank != peer) return error{errc::conflict, who + " says that it is " + rank_text(answer->rank)};
  group_.attach(peer, which, std::move(fd));
  return true;
}

/// False where the peer closes before all has come.
result<bool> meeting::receive_all(int fd, uint32_t peer, std::span<std::byte> into) {
  while (!into.empty()) {
    const moved came = receive_some(fd, into);
    into = into.subspan(came.bytes);
    if (came.ended) return false;
    if (came.bytes > 0 || wait_for_event(fd, POLLIN, slice)) continue;
    TROUPE_TRY(group_.check());
    if (time_.now() >= until_) return not_in_time(peer);
  }
  return true;
}

/// One look at the door: takes new connections, and hears out those that have come.
result<void> meeting::let_in() {
  TROUPE_TRY(group_.watch(strangers_.empty() ? slice : std::chrono::milliseconds(1), listening_fd_));
  TROUPE_ASSIGN(unique_fd connection, accept_one(listening_fd_));
  if (connection) {
    if (strangers_.size() == strangers_max) strangers_.erase(strangers_.begin());
    strangers_.emplace_back().connection = std::move(connection);
  }
  std::erase_if(strangers_, [this](stranger& one) { return heard_out(one); });
  return {};
}

/// Whether it has been let in, or sent away, or has gone by itself.
bool meeting::heard_out(stranger& one) {
  const moved came = receive_some(one.connection.get(), std::span(one.bytes).subspan(one.received));
  one.received += came.bytes;
  if (one.received < one.bytes.size()) return came.ended;
  const auto theirs = judge(one.bytes);
  tcp::answer verdict{.rank = rank_, .welcome = theirs.has_value()};
  std::string why;
  if (!theirs) {
    why = theirs.err().detail.substr(0, text_bytes_max);
    last_trouble_ = "refused: " + why;
    verdict.text_bytes = static_cast<uint32_t>(why.size());
  }
  const bool told = !send_some(one.connection.get(), encode(verdict), std::as_bytes(std::span(why))).ended;
  if (theirs && told) {
    group_.attach(theirs->rank, theirs->channel, std::move(one.connection));
  } else {
    close_gently(std::move(one.connection));
  }
  return true;
}

result<hello> meeting::judge(const hello_block& bytes) const {
  TROUPE_ASSIGN(const hello theirs, parse_hello(bytes));
  TROUPE_TRY(check_hello(theirs, rank_, who_));
  if (group_.attached(theirs.rank, theirs.channel))
    return error{errc::conflict, rank_text(theirs.rank) + " has joined this group before"};
  return theirs;
}

}  // namespace troupe::tcp
