// The ranks here are threads, or processes where one has to die or to stop.
#include "shards/engine/shm_communicator.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <cstring>
#include <functional>
#include <thread>

#include "shards/engine/local_communicator.hpp"
#include "tests/unit/engine/random_model.hpp"
#include "tests/unit/engine/test_group.hpp"

namespace troupe {
namespace {

using test::random_value;
using test::shared_memory;

constexpr duration patient = std::chrono::minutes(1);
const system_clock real_time;

/// A clock that jumps a second each time it is looked at, and counts.
class jumping_clock final : public clock {
 public:
  instant now() const override { return instant(std::chrono::seconds(++looks_)); }
  std::chrono::sys_time<std::chrono::milliseconds> wall_now() const override { return {}; }
  int64_t looks() const { return looks_; }

 private:
  mutable std::atomic<int64_t> looks_{0};
};

std::unique_ptr<shm_communicator> open(const shared_memory& memory, uint32_t rank, uint32_t size, size_t floats_max,
                                       const clock& time = real_time) {
  auto opened = shm_communicator::open(
      {.rank = rank, .size = size, .floats_max = floats_max, .generation = 3, .fd = memory.fd()}, time);
  return opened ? std::move(opened).value() : nullptr;
}

std::string text_of(const result<void>& outcome) { return outcome ? "" : outcome.err().detail; }

/// Runs `body` for each rank, on a thread of its own, after they have met. What a body returns is its rank's outcome.
std::vector<std::string> run_group(uint32_t size, size_t floats_max,
                                   const std::function<result<void>(shm_communicator&)>& body) {
  const shared_memory memory(shm_communicator_bytes(size, floats_max).value());
  std::vector<std::string> outcomes(size);
  std::vector<std::thread> threads;
  for (uint32_t rank = 0; rank < size; ++rank) {
    threads.emplace_back([&, rank] {
      const auto group = open(memory, rank, size, floats_max);
      auto met = group->meet(patient);
      group->set_deadline(patient);
      outcomes[rank] = text_of(met ? body(*group) : met);
    });
  }
  for (std::thread& thread : threads) thread.join();
  return outcomes;
}

void check_all_well(const std::vector<std::string>& outcomes) {
  for (size_t rank = 0; rank < outcomes.size(); ++rank) BOOST_TEST(outcomes[rank] == "", "rank " << rank);
}

float tree_sum(uint32_t size, const std::function<float(uint32_t)>& value, uint32_t first = 0) {
  if (size == 1) return value(first);
  return tree_sum(size / 2, value, first) + tree_sum(size / 2, value, first + size / 2);
}

BOOST_AUTO_TEST_CASE(sums_are_added_in_the_tree_and_equal_on_every_rank) {
  for (const uint32_t size : {1, 2, 4, 8}) {
    // Short ones are added in one shot, long ones in two.
    const auto outcomes = run_group(size, 30000, [&](shm_communicator& group) -> result<void> {
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

BOOST_AUTO_TEST_CASE(a_result_stays_while_the_next_input_is_written) {
  check_all_well(run_group(4, 20000, [](shm_communicator& group) -> result<void> {
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

BOOST_AUTO_TEST_CASE(gathered_parts_come_in_the_order_of_the_ranks) {
  check_all_well(run_group(4, 100, [](shm_communicator& group) -> result<void> {
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

BOOST_AUTO_TEST_CASE(broadcasts_arrive_whole_in_any_size_and_in_any_mixture) {
  check_all_well(run_group(4, 1024, [](shm_communicator& group) -> result<void> {
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

BOOST_AUTO_TEST_CASE(the_ranks_agree_on_equal_texts_alone) {
  check_all_well(run_group(
      2, 64, [](shm_communicator& group) -> result<void> { return group.agree("the model", "tiny 1", patient); }));
  const auto outcomes = run_group(2, 64, [](shm_communicator& group) -> result<void> {
    return group.agree("the model", group.rank() == 0 ? "tiny 1" : "tiny 20", patient);
  });
  const bool named = outcomes[0].find("do not agree on the model: \"tiny 1\" and \"tiny 20\"") != std::string::npos ||
                     outcomes[0].find("do not agree on the model: \"tiny 20\" and \"tiny 1\"") != std::string::npos;
  BOOST_TEST(named, outcomes[0]);
  BOOST_TEST(outcomes[1] != "");
}

BOOST_AUTO_TEST_CASE(ranks_that_make_different_calls_find_out) {
  const auto outcomes = run_group(2, 64, [](shm_communicator& group) -> result<void> {
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

BOOST_AUTO_TEST_CASE(abort_ends_every_ranks_wait_with_the_reason_and_who_gave_it) {
  const auto outcomes = run_group(4, 64, [](shm_communicator& group) -> result<void> {
    if (group.rank() == 2) {
      // From another thread, as a watchdog would.
      std::thread([&] { group.abort("enough of it"); }).join();
      return {};
    }
    return group.barrier();
  });
  for (const uint32_t rank : {0, 1, 3}) BOOST_TEST(outcomes[rank] == "enough of it (said rank 2)");
}

BOOST_AUTO_TEST_CASE(a_rank_that_has_left_is_missed) {
  const auto outcomes = run_group(2, 64, [](shm_communicator& group) -> result<void> {
    if (group.rank() == 1) return {};
    return group.barrier();
  });
  BOOST_TEST(outcomes[0] == "rank 1 has left the group");
}

BOOST_AUTO_TEST_CASE(a_wait_ends_at_the_deadline_and_names_who_is_late) {
  const shared_memory memory(shm_communicator_bytes(2, 64).value());
  const jumping_clock fast;
  std::atomic<bool> stay{true};
  std::thread other([&] {
    const auto group = open(memory, 1, 2, 64);
    if (!group->meet(patient)) return;
    stay.wait(true);
  });
  const auto group = open(memory, 0, 2, 64, fast);
  BOOST_REQUIRE(group->meet(std::chrono::hours(1000)).has_value());
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

BOOST_AUTO_TEST_CASE(a_rank_that_never_comes_is_named) {
  const shared_memory memory(shm_communicator_bytes(2, 64).value());
  const jumping_clock fast;
  const auto group = open(memory, 0, 2, 64, fast);
  const auto met = group->meet(std::chrono::minutes(1));
  BOOST_REQUIRE(!met);
  BOOST_TEST((met.err().code == errc::deadline_exceeded));
  BOOST_TEST(met.err().detail == "rank 1 has not joined the group in time");
}

BOOST_AUTO_TEST_CASE(an_idle_rank_waits_beyond_every_deadline_while_the_leader_lives) {
  const shared_memory memory(shm_communicator_bytes(2, 64).value());
  const jumping_clock fast;
  std::string outcome = "never run";
  std::thread follower([&] {
    const auto group = open(memory, 1, 2, 64, fast);
    if (!group->meet(std::chrono::hours(1000))) return;
    group->set_deadline(std::chrono::seconds(1));
    std::vector<std::byte> bytes;
    outcome = text_of(group->broadcast(bytes, patience::while_they_live));
  });
  const auto group = open(memory, 0, 2, 64);
  BOOST_REQUIRE(group->meet(patient).has_value());
  const int64_t before = fast.looks();
  while (fast.looks() < before + 20) std::this_thread::yield();
  std::vector<std::byte> bytes(5);
  BOOST_TEST(group->broadcast(bytes, patience::deadline).has_value());
  follower.join();
  BOOST_TEST(outcome == "");
}

BOOST_AUTO_TEST_CASE(strangers_are_refused_and_the_group_goes_on) {
  const shared_memory memory(shm_communicator_bytes(2, 64).value());
  std::string outcome = "never run";
  std::thread other([&] {
    const auto group = open(memory, 1, 2, 64);
    auto met = group->meet(patient);
    outcome = text_of(met ? group->barrier() : met);
  });
  const auto group = open(memory, 0, 2, 64);
  BOOST_REQUIRE(group->meet(patient).has_value());
  const auto refusal = [&](uint32_t rank, size_t floats_max, uint64_t generation) {
    auto stranger = shm_communicator::open(
        {.rank = rank, .size = 2, .floats_max = floats_max, .generation = generation, .fd = memory.fd()}, real_time);
    const auto met = (*stranger)->meet(patient);
    BOOST_REQUIRE(!met);
    BOOST_TEST((met.err().code == errc::conflict));
    return met.err().detail;
  };
  BOOST_TEST(refusal(1, 64, 4) ==
             "rank 1 is of generation 4 (2 ranks, 64 floats) but this memory is of generation 3 (2 ranks, 64 floats)");
  BOOST_TEST(refusal(1, 32, 3).find("32 floats") != std::string::npos);
  BOOST_TEST(refusal(1, 64, 3) == "rank 1 has joined this group before");
  group->set_deadline(patient);
  BOOST_TEST(text_of(group->barrier()) == "");
  other.join();
  BOOST_TEST(outcome == "");
}

BOOST_AUTO_TEST_CASE(memory_that_is_none_or_too_small_is_refused) {
  const shared_memory memory(4096);
  const auto small =
      shm_communicator::open({.rank = 0, .size = 2, .floats_max = 64, .generation = 1, .fd = memory.fd()}, real_time);
  BOOST_REQUIRE(!small);
  BOOST_TEST(small.err().detail.starts_with("the group's memory has 4096 bytes; this group needs "));
  const auto none =
      shm_communicator::open({.rank = 0, .size = 2, .floats_max = 64, .generation = 1, .fd = -1}, real_time);
  BOOST_REQUIRE(!none);
  BOOST_TEST((none.err().code == errc::io_failed));
  BOOST_TEST(!shm_communicator_bytes(3, 64));
  BOOST_TEST((shm_communicator_bytes(2, SIZE_MAX / 2).err().code == errc::out_of_memory));
}

/// A rank that is a process of its own; it runs `body` and ends, without goodbye, with what that returns.
class process_rank {
 public:
  process_rank(const shared_memory& memory, uint32_t rank, uint32_t size,
               const std::function<int(shm_communicator&)>& body)
      : pid_(fork()) {
    if (pid_ != 0) return;
    const auto group = open(memory, rank, size, 64);
    if (!group || !group->meet(patient)) _exit(100);
    group->set_deadline(patient);
    _exit(body(*group));
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

BOOST_AUTO_TEST_CASE(the_death_of_a_process_ends_the_wait_for_it) {
  const shared_memory memory(shm_communicator_bytes(2, 64).value());
  const process_rank peer(memory, 1, 2, [](shm_communicator&) { return stay(); });
  const auto group = open(memory, 0, 2, 64);
  BOOST_REQUIRE(group->meet(patient).has_value());
  group->set_deadline(patient);
  // A moment after this rank has begun to wait, or before; either way it must come out.
  std::thread killer([&] { peer.send(SIGKILL); });
  const auto outcome = group->barrier();
  killer.join();
  BOOST_REQUIRE(!outcome);
  BOOST_TEST((outcome.err().code == errc::unavailable));
  BOOST_TEST(outcome.err().detail == "rank 1 died");
}

BOOST_AUTO_TEST_CASE(an_idle_rank_sees_the_leaders_death) {
  const shared_memory memory(shm_communicator_bytes(2, 64).value());
  process_rank leader(memory, 0, 2, [](shm_communicator&) { return stay(); });
  const auto group = open(memory, 1, 2, 64);
  BOOST_REQUIRE(group->meet(patient).has_value());
  std::thread killer([&] { leader.send(SIGKILL); });
  std::vector<std::byte> bytes;
  const auto outcome = group->broadcast(bytes, patience::while_they_live);
  killer.join();
  BOOST_TEST(text_of(outcome) == "rank 0 died");
}

BOOST_AUTO_TEST_CASE(all_survivors_learn_of_a_death) {
  const shared_memory memory(shm_communicator_bytes(4, 64).value());
  const auto survivor = [](shm_communicator& group) {
    const auto outcome = group.barrier();
    if (outcome) return 1;
    const std::string& detail = outcome.err().detail;
    return detail.find("rank 3 died") == std::string::npos ? 2 : 0;
  };
  process_rank first(memory, 1, 4, survivor);
  process_rank second(memory, 2, 4, survivor);
  const process_rank victim(memory, 3, 4, [](shm_communicator&) { return stay(); });
  const auto group = open(memory, 0, 4, 64);
  BOOST_REQUIRE(group->meet(patient).has_value());
  group->set_deadline(patient);
  victim.send(SIGKILL);
  const auto outcome = group->barrier();
  BOOST_TEST(text_of(outcome).find("rank 3 died") != std::string::npos);
  BOOST_TEST(first.wait() == 0);
  BOOST_TEST(second.wait() == 0);
}

BOOST_AUTO_TEST_CASE(what_a_rank_said_before_it_died_counts) {
  const shared_memory memory(shm_communicator_bytes(2, 64).value());
  process_rank leader(memory, 0, 2, [](shm_communicator& group) {
    std::vector<std::byte> bytes(10, std::byte{7});
    return group.broadcast(bytes, patience::deadline) ? 0 : 1;
  });
  const auto group = open(memory, 1, 2, 64);
  BOOST_REQUIRE(group->meet(patient).has_value());
  BOOST_TEST(leader.wait() == 0);
  std::vector<std::byte> bytes;
  BOOST_TEST(text_of(group->broadcast(bytes, patience::deadline)) == "");
  BOOST_TEST((bytes == std::vector<std::byte>(10, std::byte{7})));
  BOOST_TEST(text_of(group->barrier()) == "rank 0 died");
}

BOOST_AUTO_TEST_CASE(a_stopped_process_is_late_and_learns_so_when_it_wakes) {
  const shared_memory memory(shm_communicator_bytes(2, 64).value());
  process_rank peer(memory, 1, 2, [](shm_communicator& group) {
    if (raise(SIGSTOP) != 0) return 1;
    const auto outcome = group.barrier();
    if (outcome || outcome.err().code != errc::aborted) return 2;
    return outcome.err().detail.find("rank 1 is late") == std::string::npos ? 3 : 0;
  });
  const auto group = open(memory, 0, 2, 64);
  BOOST_REQUIRE(group->meet(patient).has_value());
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
  BOOST_TEST((*group.input(2)).data() != sums->data());
  BOOST_TEST((*sums)[1] == 6);
  BOOST_TEST(group.barrier().has_value());
  group.abort("enough");
  group.abort("too late");
  BOOST_TEST(group.barrier().err().detail == "enough");
}

}  // namespace
}  // namespace troupe
