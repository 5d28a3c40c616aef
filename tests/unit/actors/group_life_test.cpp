#include "actors/group_supervisor/group_life.hpp"

#include <boost/test/unit_test.hpp>

namespace troupe {
namespace {

using namespace std::chrono_literals;

group_life::config two_ranks() {
  group_life::config c;
  c.ranks = 2;
  c.restarts = {.restarts_max = 3, .period = 60s, .delay = 10ms, .delay_max = 5s};
  return c;
}

rank_ready ready(uint32_t rank, std::string fingerprint = "cpu") {
  rank_ready r;
  r.rank = rank;
  r.fingerprint = std::move(fingerprint);
  return r;
}

template <class Action>
bool has(const group_life::actions& actions) {
  for (const auto& a : actions) {
    if (std::holds_alternative<Action>(a)) return true;
  }
  return false;
}

struct started_group {
  instant now{};
  group_life life{two_ranks()};
  started_group() {
    (void)life.begin(0, now);
    (void)life.on_ready(ready(0), 1, now);
    (void)life.on_ready(ready(1), 1, now);
  }
};

BOOST_AUTO_TEST_CASE(a_new_group_stores_its_generation_before_it_starts) {
  group_life life(two_ranks());
  auto actions = life.begin(0, instant{});
  BOOST_REQUIRE(!actions.empty());
  BOOST_TEST(std::get<group_life::store_generation>(actions.front()).generation == 1u);
  BOOST_TEST(has<group_life::start>(actions));
  BOOST_TEST((life.phase() == group_phase::starting));
}

BOOST_AUTO_TEST_CASE(it_is_ready_when_all_ranks_are) {
  group_life life(two_ranks());
  (void)life.begin(0, instant{});
  BOOST_TEST(life.on_ready(ready(0), 1, instant{}).empty());
  BOOST_TEST(life.on_ready(ready(0), 1, instant{}).empty());  // said twice counts once
  BOOST_TEST(has<group_life::announce>(life.on_ready(ready(1), 1, instant{})));
  BOOST_TEST((life.phase() == group_phase::ready));
}

BOOST_AUTO_TEST_CASE(ranks_that_compute_other_bits_do_not_make_a_group) {
  group_life life(two_ranks());
  (void)life.begin(0, instant{});
  (void)life.on_ready(ready(0, "a"), 1, instant{});
  BOOST_TEST(has<group_life::log_failure>(life.on_ready(ready(1, "b"), 1, instant{})));
}

BOOST_FIXTURE_TEST_CASE(a_failure_fences_first_and_starts_again_after_the_delay, started_group) {
  auto actions = life.on_failure(1, "rank 0 ended", now);
  BOOST_TEST(std::get<group_life::store_generation>(actions.front()).generation == 2u);
  BOOST_TEST(has<group_life::end_older>(actions));
  BOOST_TEST(!has<group_life::start>(actions));
  BOOST_TEST(life.on_time(now + 9ms).empty());
  BOOST_TEST(has<group_life::start>(life.on_time(now + 10ms)));
  (void)life.on_ready(ready(0), 2, now + 1s);
  BOOST_TEST(has<group_life::log_recovery>(life.on_ready(ready(1), 2, now + 1s)));
}

BOOST_FIXTURE_TEST_CASE(news_of_an_older_generation_change_nothing, started_group) {
  (void)life.on_failure(1, "x", now);
  BOOST_TEST(life.on_failure(1, "its other rank", now).empty());
  BOOST_TEST(life.on_ready(ready(0), 1, now).empty());
  BOOST_TEST(life.generation() == 2u);
}

BOOST_FIXTURE_TEST_CASE(too_many_restarts_in_the_period_end_in_a_long_wait, started_group) {
  for (int i = 0; i < 4; ++i) {
    now += 1s;
    auto generation = life.generation();
    auto actions = life.on_failure(generation, "again", now);
    bool gave_up = false;
    for (const auto& a : actions) {
      if (const auto* failure = std::get_if<group_life::log_failure>(&a)) gave_up = failure->gave_up;
    }
    BOOST_TEST(gave_up == (i == 3));
    if (i < 3) (void)life.on_time(now + 1s);
  }
  BOOST_TEST((life.phase() == group_phase::failed));
  BOOST_TEST(life.on_time(now + 59s).empty());
  BOOST_TEST(has<group_life::start>(life.on_time(now + 60s)));
}

BOOST_AUTO_TEST_CASE(a_group_that_does_not_become_ready_in_time_is_started_again) {
  group_life life(two_ranks());
  (void)life.begin(0, instant{});
  BOOST_TEST(life.on_time(instant{} + 119s).empty());
  BOOST_TEST(has<group_life::log_failure>(life.on_time(instant{} + 120s)));
}

BOOST_AUTO_TEST_CASE(a_restarted_control_node_announces_nothing_before_it_knows) {
  group_life life(two_ranks());
  BOOST_TEST(life.begin(7, instant{}).empty());
  BOOST_TEST(life.adopting());
  (void)life.on_ready(ready(0), 7, instant{});
  BOOST_TEST(life.adopting());
  BOOST_TEST(has<group_life::announce>(life.on_ready(ready(1), 7, instant{})));
  BOOST_TEST(!life.adopting());
}

BOOST_AUTO_TEST_CASE(a_restarted_control_node_adopts_ranks_that_report_in_time) {
  group_life life(two_ranks());
  BOOST_TEST(!has<group_life::start>(life.begin(7, instant{})));
  BOOST_TEST(life.on_host({{3, 7, 0, 10}, {3, 7, 1, 11}}, 3, 2, instant{}).empty());
  (void)life.on_ready(ready(0), 7, instant{} + 1s);
  (void)life.on_ready(ready(1), 7, instant{} + 1s);
  BOOST_TEST((life.phase() == group_phase::ready));
  BOOST_TEST(life.generation() == 7u);
}

BOOST_AUTO_TEST_CASE(a_restarted_control_node_replaces_a_group_of_which_a_rank_died) {
  group_life life(two_ranks());
  (void)life.begin(7, instant{});
  BOOST_TEST(has<group_life::log_failure>(life.on_host({{3, 7, 0, 10}}, 3, 2, instant{})));
  BOOST_TEST(life.generation() == 8u);
}

BOOST_AUTO_TEST_CASE(a_host_is_asked_for_no_more_than_its_part_of_the_group) {
  group_life life(two_ranks());
  (void)life.begin(7, instant{});
  BOOST_TEST(life.on_host({{3, 7, 1, 11}}, 3, 1, instant{}).empty());
  BOOST_TEST(has<group_life::log_failure>(life.on_host({}, 3, 1, instant{})));
}

BOOST_AUTO_TEST_CASE(what_lives_is_not_judged_while_its_own_start_is_under_way) {
  group_life life(two_ranks());
  (void)life.begin(0, instant{});
  BOOST_TEST(life.on_host({}, 3, 2, instant{}).empty());
}

BOOST_FIXTURE_TEST_CASE(a_drained_group_stays_down, started_group) {
  BOOST_TEST(has<group_life::announce>(life.on_drain(false, now)));
  BOOST_TEST(life.on_idle(9, now).empty());  // of another generation
  auto actions = life.on_idle(1, now);
  BOOST_TEST(has<group_life::end_older>(actions));
  BOOST_TEST((life.phase() == group_phase::stopped));
  BOOST_TEST(life.on_time(now + 10min).empty());
}

BOOST_FIXTURE_TEST_CASE(a_group_whose_rank_leaves_is_drained_then_started_again, started_group) {
  (void)life.on_drain(true, now);
  BOOST_TEST(has<group_life::start>(life.on_idle(1, now)));
}

BOOST_FIXTURE_TEST_CASE(a_drain_ends_in_time_even_if_something_still_runs, started_group) {
  (void)life.on_drain(false, now);
  BOOST_TEST(has<group_life::end_older>(life.on_time(now + 30s)));
}

}  // namespace
}  // namespace troupe
