// What every communicator between ranks promises, tested over each of them. The ranks here are threads, or processes
// where one has to die or to stop.
#include "shards/engine/communicator.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <cstring>
#include <functional>
#include <thread>

#include "shards/engine/local_communicator.hpp"
#include "tests/unit/engine/group_place.hpp"
#include "tests/unit/engine/jumping_clock.hpp"
#include "tests/unit/engine/random_model.hpp"

namespace troupe {
namespace {

using test::group_place;
using test::jumping_clock;
using test::random_value;
using test::transport;

constexpr duration patient = std::chrono::minutes(1);
const system_clock real_time;

const auto transports = boost::unit_test::data::make({transport::shm, transport::tcp});

std::string text_of(const result<void>& outcome) { return outcome ? "" : outcome.err().detail; }

using rank_body = std::function<result<void>(communicator&)>;

/// Runs `body` for each rank, on a thread of its own, after they have met. What a body returns is its rank's outcome.
std::vector<std::string> run_group(transport how, uint32_t size, size_t floats_max, const rank_body& body) {
  const group_place place(how, size, floats_max);
  std::vector<std::string> outcomes(size);
  std::vector<std::thread> threads;
  for (uint32_t rank = 0; rank < size; ++rank) {
    threads.emplace_back([&, rank] {
      const auto group = place.join(rank, real_time);
      if (group) (*group)->set_deadline(patient);
      outcomes[rank] = text_of(group ? body(**group) : result<void>(group.err()));
    });
  }
  for (std::thread& thread : threads) thread.join();
  return outcomes;
}

/// As a rank on this thread.
std::unique_ptr<communicator> join(const group_place& place, uint32_t rank) {
  auto group = place.join(rank, real_time);
  BOOST_REQUIRE_MESSAGE(group.has_value(), (group ? "" : group.err().detail));
  return std::move(group).value();
}

void check_all_well(const std::vector<std::string>& outcomes) {
  for (size_t rank = 0; rank < outcomes.size(); ++rank) BOOST_TEST(outcomes[rank] == "", "rank " << rank);
}

float tree_sum(uint32_t size, const std::function<float(uint32_t)>& value, uint32_t first = 0) {
  if (size == 1) return value(first);
  return tree_sum(size / 2, value, first) + tree_sum(size / 2, value, first + size / 2);
}

BOOST_DATA_TEST_CASE(sums_are_added_in_the_tree_and_equal_on_every_rank, transports, how) {
  for (const uint32_t size : {1, 2, 4, 8}) {
    // Short ones are added in one shot, long ones in two.
    const auto outcomes = run_group(how, size, 30000, [&](communicator& group) -> result<void> {
      uint64_t round = 0;
      for (const size_t floats : {1, 16, 17, 8192, 8193, 30000, 5, 29999, 0, 10000, 10001, 3}) {
        ++round;
        const auto value = [&](uint32_t rank, size_t i) { return random_value(100 * round + rank, i); };
        TROUPE_ASSIGN(const std::span<float> input, group.input(floats));
        for (size_t i = 0; i < floats; ++i) input[i] = value(group.rank(), i);
        TROUPE_ASSIGN(const std::span<const float> sums, group.all_reduce_tree(floats));
        for (size_t i = 0; i < floats; ++i) {
          if (sums[i] != tree_sum(size, [&](uint32_t rank) { return value(rank, i); }))
            return error{errc::internal, "wrong sum in round " + std::to_string(round)};
        }
      }
      return {};
    });
    check_all_well(outcomes);
  }
}

BOOST_DATA_TEST_CASE(a_result_stays_while_the_next_input_is_written, transports, how) {
  check_all_well(run_group(how, 4, 20000, [](communicator& group) -> result<void> {
    std::span<const float> last;
    for (uint32_t round = 0; round < 300; ++round) {
      const size_t floats = round % 3 == 0 ? 20000 : 64;
      TROUPE_ASSIGN(const std::span<float> input, group.input(floats));
      std::ranges::fill(input, static_cast<float>(round));
      for (const float value : last)
        if (value != 4 * static_cast<float>(round - 1)) return error{errc::internal, "the result was overwritten"};
      TROUPE_ASSIGN(last, group.all_reduce_tree(floats));
    }
    return {};
  }));
}

BOOST_DATA_TEST_CASE(messages_longer_than_any_socket_holds_go_both_ways, transports, how) {
  constexpr size_t floats = 3'000'001;
  check_all_well(run_group(how, 4, floats, [](communicator& group) -> result<void> {
    TROUPE_ASSIGN(const std::span<float> input, group.input(floats));
    for (size_t i = 0; i < floats; ++i) input[i] = static_cast<float>(i % 1000 + group.rank());
    TROUPE_ASSIGN(const std::span<const float> sums, group.all_reduce_tree(floats));
    for (size_t i = 0; i < floats; ++i)
      if (sums[i] != static_cast<float>(4 * (i % 1000) + 6)) return error{errc::internal, "wrong sum"};
    std::vector<std::byte> bytes(group.rank() == 0 ? 20'000'003 : 0, std::byte{5});
    TROUPE_TRY(group.broadcast(bytes, patience::deadline));
    if (bytes != std::vector<std::byte>(20'000'003, std::byte{5})) return error{errc::internal, "wrong bytes"};
    return {};
  }));
}

BOOST_DATA_TEST_CASE(gathered_parts_come_in_the_order_of_the_ranks, transports, how) {
  check_all_well(run_group(how, 4, 100, [](communicator& group) -> result<void> {
    for (uint32_t round = 0; round < 50; ++round) {
      TROUPE_ASSIGN(const std::span<float> input, group.input(100));
      std::ranges::fill(input, static_cast<float>(10 * round + group.rank()));
      TROUPE_ASSIGN(const auto parts, group.all_gather(100));
      for (uint32_t rank = 0; rank < 4; ++rank)
        for (const float value : parts[rank])
          if (value != static_cast<float>(10 * round + rank)) return error{errc::internal, "wrong part"};
    }
    return {};
  }));
}

BOOST_DATA_TEST_CASE(broadcasts_arrive_whole_in_any_size_and_in_any_mixture, transports, how) {
  check_all_well(run_group(how, 4, 1024, [](communicator& group) -> result<void> {
    for (const size_t size : {0, 1, 4095, 4096, 4097, 100000, 3}) {
      const auto byte_at = [&](size_t i) { return static_cast<std::byte>(i * 7 + size); };
      std::vector<std::byte> bytes(group.rank() == 0 ? size : 9);
      if (group.rank() == 0)
        for (size_t i = 0; i < size; ++i) bytes[i] = byte_at(i);
      TROUPE_TRY(group.broadcast(bytes, size % 2 == 0 ? patience::deadline : patience::while_they_live));
      if (bytes.size() != size) return error{errc::internal, "wrong size"};
      for (size_t i = 0; i < size; ++i)
        if (bytes[i] != byte_at(i)) return error{errc::internal, "wrong byte"};
      TROUPE_TRY(group.barrier());
      TROUPE_TRY(group.input(3));
      TROUPE_TRY(group.all_reduce_tree(3));
    }
    return {};
  }));
}

BOOST_DATA_TEST_CASE(the_ranks_agree_on_equal_texts_alone, transports, how) {
  check_all_well(run_group(
      how, 2, 64, [](communicator& group) -> result<void> { return group.agree("the model", "tiny 1", patient); }));
  const auto outcomes = run_group(how, 2, 64, [](communicator& group) -> result<void> {
    return group.agree("the model", group.rank() == 0 ? "tiny 1" : "tiny 20", patient);
  });
  const bool named = outcomes[0].find("do not agree on the model: \"tiny 1\" and \"tiny 20\"") != std::string::npos ||
                     outcomes[0].find("do not agree on the model: \"tiny 20\" and \"tiny 1\"") != std::string::npos;
  BOOST_TEST(named, outcomes[0]);
  BOOST_TEST(outcomes[1] != "");
}

BOOST_DATA_TEST_CASE(ranks_that_make_different_calls_find_out, transports, how) {
  const auto outcomes = run_group(how, 2, 64, [](communicator& group) -> result<void> {
    TROUPE_TRY(group.input(8));
    if (group.rank() == 0) {
      TROUPE_TRY(group.all_reduce_tree(8));
    } else {
      TROUPE_TRY(group.all_gather(7));
    }
    return {};
  });
  const auto told = [&](uint32_t rank) {
    return outcomes[rank].find(" is in ") != std::string::npos &&
           outcomes[rank].find("8 floats") != std::string::npos && outcomes[rank].find("7 floats") != std::string::npos;
  };
  BOOST_TEST(told(0), outcomes[0]);
  BOOST_TEST(told(1), outcomes[1]);
}

BOOST_DATA_TEST_CASE(abort_ends_every_ranks_wait_with_the_reason_and_who_gave_it, transports, how) {
  const auto outcomes = run_group(how, 4, 64, [](communicator& group) -> result<void> {
    if (group.rank() == 2) {
      // From another thread, as a watchdog would.
      std::thread([&] { group.abort("enough of it"); }).join();
      return {};
    }
    return group.barrier();
  });
  for (const uint32_t rank : {0, 1, 3}) BOOST_TEST(outcomes[rank] == "enough of it (said rank 2)");
}

BOOST_DATA_TEST_CASE(a_rank_that_has_left_is_missed, transports, how) {
  const auto outcomes = run_group(how, 2, 64, [](communicator& group) -> result<void> {
    if (group.rank() == 1) return {};
    return group.barrier();
  });
  BOOST_TEST(outcomes[0] == "rank 1 has left the group");
}

BOOST_DATA_TEST_CASE(a_wait_ends_at_the_deadline_and_names_who_is_late, transports, how) {
  const group_place place(how, 2, 64);
  const jumping_clock fast;
  std::atomic<bool> stay{true};
  std::thread other([&] {
    const auto group = place.join(1, real_time);
    if (!group) return;
    stay.wait(true);
  });
  const auto joined = place.join(0, fast, std::chrono::hours(1000));
  BOOST_REQUIRE(joined.has_value());
  communicator* const group = joined->get();
  group->set_deadline(std::chrono::minutes(1));
  const auto outcome = group->barrier();
  stay = false;
  stay.notify_one();
  other.join();
  BOOST_REQUIRE(!outcome);
  BOOST_TEST((outcome.err().code == errc::deadline_exceeded));
  BOOST_TEST(outcome.err().detail.starts_with("rank 1 is late: rank 0 waited for it for 6"), outcome.err().detail);
  // And it stays ended.
  BOOST_TEST((group->check().err() == outcome.err()));
  BOOST_TEST((group->input(1).err() == outcome.err()));
}

BOOST_DATA_TEST_CASE(a_rank_that_never_comes_is_named, transports, how) {
  const group_place place(how, 2, 64);
  const jumping_clock fast;
  const auto met = place.join(0, fast, std::chrono::minutes(1));
  BOOST_REQUIRE(!met);
  BOOST_TEST((met.err().code == errc::deadline_exceeded));
  BOOST_TEST(met.err().detail == "rank 1 has not joined the group in time");
}

BOOST_DATA_TEST_CASE(an_idle_rank_waits_beyond_every_deadline_while_the_leader_lives, transports, how) {
  const group_place place(how, 2, 64);
  const jumping_clock fast;
  std::string outcome = "never run";
  std::thread follower([&] {
    const auto group = place.join(1, fast, std::chrono::hours(1000));
    if (!group) return;
    (*group)->set_deadline(std::chrono::seconds(1));
    std::vector<std::byte> bytes;
    outcome = text_of((*group)->broadcast(bytes, patience::while_they_live));
  });
  const auto group = join(place, 0);
  const int64_t before = fast.looks();
  while (fast.looks() < before + 20) std::this_thread::yield();
  std::vector<std::byte> bytes(5);
  BOOST_TEST(group->broadcast(bytes, patience::deadline).has_value());
  follower.join();
  BOOST_TEST(outcome == "");
}

/// A rank that is a process of its own; it runs `body` and ends, without goodbye, with what that returns.
class process_rank {
 public:
  process_rank(const group_place& place, uint32_t rank, const std::function<int(communicator&)>& body) : pid_(fork()) {
    if (pid_ != 0) return;
    const auto group = place.join(rank, real_time);
    if (!group) _exit(100);
    (*group)->set_deadline(patient);
    _exit(body(**group));
  }
  ~process_rank() {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
  }
  process_rank(const process_rank&) = delete;
  process_rank& operator=(const process_rank&) = delete;

  void send(int signal) const { BOOST_REQUIRE(kill(pid_, signal) == 0); }
  /// Its exit status.
  int wait() {
    int status = 0;
    BOOST_REQUIRE(waitpid(pid_, &status, 0) == pid_);
    pid_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
  void wait_until_stopped() const {
    int status = 0;
    BOOST_REQUIRE(waitpid(pid_, &status, WUNTRACED) == pid_);
    BOOST_REQUIRE(WIFSTOPPED(status));
  }

 private:
  pid_t pid_;
};

/// Waits for ever, in a process that will be killed.
int stay() {
  for (;;) pause();
}

BOOST_DATA_TEST_CASE(the_death_of_a_process_ends_the_wait_for_it, transports, how) {
  const group_place place(how, 2, 64);
  const process_rank peer(place, 1, [](communicator&) { return stay(); });
  const auto group = join(place, 0);
  group->set_deadline(patient);
  // A moment after this rank has begun to wait, or before; either way it must come out.
  std::thread killer([&] { peer.send(SIGKILL); });
  const auto outcome = group->barrier();
  killer.join();
  BOOST_REQUIRE(!outcome);
  BOOST_TEST((outcome.err().code == errc::unavailable));
  BOOST_TEST(outcome.err().detail == "rank 1 died");
}

BOOST_DATA_TEST_CASE(an_idle_rank_sees_the_leaders_death, transports, how) {
  const group_place place(how, 2, 64);
  process_rank leader(place, 0, [](communicator&) { return stay(); });
  const auto group = join(place, 1);
  std::thread killer([&] { leader.send(SIGKILL); });
  std::vector<std::byte> bytes;
  const auto outcome = group->broadcast(bytes, patience::while_they_live);
  killer.join();
  BOOST_TEST(text_of(outcome) == "rank 0 died");
}

BOOST_DATA_TEST_CASE(all_survivors_learn_of_a_death, transports, how) {
  const group_place place(how, 4, 64);
  std::array<int, 2> joined{};
  BOOST_REQUIRE(pipe(joined.data()) == 0);
  const auto survivor = [&](communicator& group) {
    // Before that the others' death would end its meeting.
    if (write(joined[1], "x", 1) != 1) return 3;
    const auto outcome = group.barrier();
    if (outcome) return 1;
    const std::string& detail = outcome.err().detail;
    return detail.find("rank 3 died") == std::string::npos ? 2 : 0;
  };
  process_rank first(place, 1, survivor);
  process_rank second(place, 2, survivor);
  const process_rank victim(place, 3, [](communicator&) { return stay(); });
  const auto group = join(place, 0);
  group->set_deadline(patient);
  std::array<char, 2> both{};
  for (char& one : both) BOOST_REQUIRE(read(joined[0], &one, 1) == 1);
  for (const int end : joined) close(end);
  victim.send(SIGKILL);
  const auto outcome = group->barrier();
  BOOST_TEST(text_of(outcome).find("rank 3 died") != std::string::npos);
  BOOST_TEST(first.wait() == 0);
  BOOST_TEST(second.wait() == 0);
}

BOOST_DATA_TEST_CASE(what_a_rank_said_before_it_died_counts, transports, how) {
  const group_place place(how, 2, 64);
  process_rank leader(place, 0, [](communicator& group) {
    std::vector<std::byte> bytes(10, std::byte{7});
    return group.broadcast(bytes, patience::deadline) ? 0 : 1;
  });
  const auto group = join(place, 1);
  BOOST_TEST(leader.wait() == 0);
  std::vector<std::byte> bytes;
  BOOST_TEST(text_of(group->broadcast(bytes, patience::deadline)) == "");
  BOOST_TEST((bytes == std::vector<std::byte>(10, std::byte{7})));
  BOOST_TEST(text_of(group->barrier()) == "rank 0 died");
}

BOOST_DATA_TEST_CASE(a_stopped_process_is_late_and_learns_so_when_it_wakes, transports, how) {
  const group_place place(how, 2, 64);
  process_rank peer(place, 1, [](communicator& group) {
    if (raise(SIGSTOP) != 0) return 1;
    const auto outcome = group.barrier();
    if (outcome || outcome.err().code != errc::aborted) return 2;
    return outcome.err().detail.find("rank 1 is late") == std::string::npos ? 3 : 0;
  });
  const auto group = join(place, 0);
  peer.wait_until_stopped();
  group->set_deadline(std::chrono::milliseconds(20));
  const auto outcome = group->barrier();
  BOOST_REQUIRE(!outcome);
  BOOST_TEST((outcome.err().code == errc::deadline_exceeded));
  BOOST_TEST(outcome.err().detail.starts_with("rank 1 is late"));
  peer.send(SIGCONT);
  BOOST_TEST(peer.wait() == 0);
}

BOOST_AUTO_TEST_CASE(a_group_of_one_answers_itself_until_it_is_aborted) {
  local_communicator group(8);
  const auto input = group.input(2);
  BOOST_REQUIRE(input.has_value());
  (*input)[0] = 5;
  (*input)[1] = 6;
  const auto sums = group.all_reduce_tree(2);
  BOOST_REQUIRE(sums.has_value());
  BOOST_TEST((*sums)[0] == 5);
  BOOST_TEST((*sums)[1] == 6);
  BOOST_TEST(group.barrier().has_value());
  group.abort("enough");
  group.abort("too late");
  BOOST_TEST(group.barrier().err().detail == "enough");
}

}  // namespace
}  // namespace troupe
