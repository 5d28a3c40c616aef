// Each checker finds what it is there for, in a history made for it, and nothing in one that is as it should be.
#include <boost/test/unit_test.hpp>
#include <memory>

#include "simulations/checkers/failures.hpp"
#include "simulations/checkers/groups.hpp"
#include "simulations/checkers/judge.hpp"
#include "simulations/checkers/processes.hpp"
#include "simulations/checkers/streams.hpp"

namespace troupe::simulation {
namespace {

using namespace std::chrono_literals;

/// What one checker finds in a history that is told it.
class court {
 public:
  explicit court(std::unique_ptr<checker> one) {
    judge_.add(std::move(one));
    history_.read_by([this](const event& e) { judge_.read(e); });
  }
  court& at(duration when) {
    now_ = when;
    return *this;
  }
  court& operator()(std::string_view what, std::initializer_list<log_field> fields = {},
                    log_level level = log_level::info) {
    history_.add(now_, "somebody", what, fields, level);
    return *this;
  }
  /// The first that was found; empty: nothing.
  std::string verdict() {
    judge_.end(now_);
    const auto found = judge_.found().found();
    return found.empty() ? std::string() : found.front().id + ": " + found.front().what;
  }

 private:
  judge judge_;
  history history_;
  duration now_{};
};

#define COURT(checker, ...) court c(std::make_unique<checker>(__VA_ARGS__))

const log_field request_1{"request", "1"};

void begin(court& c, uint64_t tokens = 2, uint64_t choices = 1) {
  c("request.begun", {request_1,
                      {"gateway", "gateway-0"},
                      {"prompt", "ab"},
                      {"seed", uint64_t{0}},
                      {"choices", choices},
                      {"tokens", tokens}});
}
void delta(court& c, std::string_view text, uint64_t choice = 0) {
  c("request.delta", {request_1, {"choice", choice}, {"text", text}});
}
void complete(court& c, uint64_t tokens = 2) {
  c("request.ended", {request_1, {"how", "complete"}, {"prompt_tokens", uint64_t{2}}, {"tokens", tokens}});
}
void token(court& c, uint64_t index, uint64_t generation = 1) {
  c("stream.token", {request_1, {"choice", 0}, {"index", index}, {"group", "m/0"}, {"generation", generation}});
}

BOOST_AUTO_TEST_SUITE(i1)

BOOST_AUTO_TEST_CASE(a_request_that_ends_once_is_right) {
  COURT(ends_once);
  begin(c);
  delta(c, "cd");
  complete(c);
  BOOST_TEST(c.verdict() == "");
}

BOOST_AUTO_TEST_CASE(one_whose_client_left_need_not_end) {
  COURT(ends_once);
  begin(c);
  c("request.left", {request_1});
  BOOST_TEST(c.verdict() == "");
}

BOOST_AUTO_TEST_CASE(a_request_that_never_ends_is_found) {
  COURT(ends_once);
  begin(c);
  delta(c, "c");
  BOOST_TEST(c.verdict() == "I1: request 1 has not ended");
}

BOOST_AUTO_TEST_CASE(a_second_end_is_found) {
  COURT(ends_once);
  begin(c);
  complete(c);
  c("request.ended", {request_1, {"how", "unavailable"}});
  BOOST_TEST(c.verdict() == "I1: request 1: request.ended after its end");
}

BOOST_AUTO_TEST_CASE(a_delta_after_the_end_is_found) {
  COURT(ends_once);
  begin(c);
  complete(c);
  delta(c, "c");
  BOOST_TEST(c.verdict() == "I1: request 1: request.delta after its end");
}

BOOST_AUTO_TEST_CASE(an_end_that_does_not_say_how_is_found) {
  COURT(ends_once);
  begin(c);
  c("request.ended", {request_1});
  BOOST_TEST(c.verdict() == "I1: request 1 ends without a word how");
}

BOOST_AUTO_TEST_CASE(an_answer_that_nobody_asked_for_is_found) {
  COURT(ends_once);
  delta(c, "c");
  BOOST_TEST(c.verdict() == "I1: request 1: request.delta of a request that nobody began");
}

BOOST_AUTO_TEST_CASE(a_request_that_is_cut_off_by_a_gateway_that_lives_is_found) {
  COURT(ends_once);
  begin(c);
  c("request.ended", {request_1, {"how", "cut"}});
  BOOST_TEST(c.verdict() == "I1: request 1 is cut off by gateway-0, which lives");
}

BOOST_AUTO_TEST_CASE(one_that_is_cut_off_with_its_gateway_is_right) {
  COURT(ends_once);
  begin(c);
  c("os.ended", {{"process", "gateway-0"}});
  c("request.ended", {request_1, {"how", "cut"}});
  BOOST_TEST(c.verdict() == "");
}

BOOST_AUTO_TEST_CASE(a_second_beginning_is_found) {
  COURT(ends_once);
  begin(c);
  begin(c);
  BOOST_TEST(c.verdict() == "I1: request 1 begins a second time");
}

BOOST_AUTO_TEST_SUITE_END()
BOOST_AUTO_TEST_SUITE(i2)

BOOST_AUTO_TEST_CASE(a_whole_stream_is_right) {
  COURT(whole_streams);
  begin(c, 2, 2);
  token(c, 0);
  delta(c, "c");
  token(c, 1);
  delta(c, "d");
  delta(c, "ef", 1);
  complete(c, 4);
  BOOST_TEST(c.verdict() == "");
}

BOOST_AUTO_TEST_CASE(one_that_fails_may_be_short) {
  COURT(whole_streams);
  begin(c);
  delta(c, "c");
  c("request.ended", {request_1, {"how", "unavailable"}});
  BOOST_TEST(c.verdict() == "");
}

BOOST_AUTO_TEST_CASE(a_token_that_is_accepted_twice_is_found) {
  COURT(whole_streams);
  begin(c);
  token(c, 0);
  token(c, 0);
  BOOST_TEST(c.verdict() == "I2: request 1: after 1 tokens of choice 0, the one with index 0 is accepted");
}

BOOST_AUTO_TEST_CASE(a_token_that_is_skipped_is_found) {
  COURT(whole_streams);
  begin(c);
  token(c, 1);
  BOOST_TEST(c.verdict() == "I2: request 1: after 0 tokens of choice 0, the one with index 1 is accepted");
}

BOOST_AUTO_TEST_CASE(an_end_before_the_last_token_is_found) {
  COURT(whole_streams);
  begin(c);
  delta(c, "c");
  complete(c, 1);
  BOOST_TEST(c.verdict() == "I2: request 1: choice 0 is complete with 1 of 2 tokens");
}

BOOST_AUTO_TEST_CASE(a_token_too_many_is_found) {
  COURT(whole_streams);
  begin(c);
  delta(c, "cde");
  complete(c, 3);
  BOOST_TEST(c.verdict() == "I2: request 1: choice 0 is complete with 3 of 2 tokens");
}

BOOST_AUTO_TEST_CASE(a_usage_that_is_not_what_came_is_found) {
  COURT(whole_streams);
  begin(c);
  delta(c, "cd");
  complete(c, 3);
  BOOST_TEST(c.verdict() == "I2: request 1: its usage says 2 and 3 tokens, not 2 and 2");
}

BOOST_AUTO_TEST_CASE(a_choice_that_nobody_asked_for_is_found) {
  COURT(whole_streams);
  begin(c);
  delta(c, "c", 1);
  BOOST_TEST(c.verdict() == "I2: request 1 has no choice 1");
}

BOOST_AUTO_TEST_SUITE_END()
BOOST_AUTO_TEST_SUITE(i3)

/// Letters in the order of the alphabet, after the prompt's last.
right_tokens::answer next_letters(std::string_view prompt, uint64_t, uint64_t) {
  return [letter = prompt.back()]() mutable { return ++letter; };
}

BOOST_AUTO_TEST_CASE(right_tokens_are_right) {
  COURT(right_tokens, next_letters);
  begin(c, 3);
  delta(c, "c");
  delta(c, "de");
  BOOST_TEST(c.verdict() == "");
}

BOOST_AUTO_TEST_CASE(a_changed_token_is_found_once) {
  COURT(right_tokens, next_letters);
  begin(c, 3);
  delta(c, "c");
  delta(c, "xyz");
  BOOST_TEST(c.verdict() == "I3: request 1: token 1 of choice 0 is x instead of d");
}

BOOST_AUTO_TEST_CASE(a_repeated_token_is_found) {
  COURT(right_tokens, next_letters);
  begin(c, 3);
  delta(c, "c");
  delta(c, "cd");
  BOOST_TEST(c.verdict() == "I3: request 1: token 1 of choice 0 is c instead of d");
}

BOOST_AUTO_TEST_SUITE_END()
BOOST_AUTO_TEST_SUITE(i1_reasons)

void end_with(court& c, std::string_view how) { c("request.ended", {request_1, {"how", how}}); }
void lose_group(court& c) { c("group.failed", {{"group", "m/0"}, {"reason", "restarted"}}); }

BOOST_AUTO_TEST_CASE(a_failure_soon_after_a_fault_is_explained) {
  COURT(explained_failures, 10s, 2U);
  c("fault.begins", {{"id", uint64_t{1}}});
  c.at(20s);
  lose_group(c);
  c("fault.ends", {{"id", uint64_t{1}}});
  c.at(29s);
  begin(c);
  lose_group(c);
  end_with(c, "unavailable");
  BOOST_TEST(c.verdict() == "");
}

BOOST_AUTO_TEST_CASE(one_without_a_fault_is_found) {
  COURT(explained_failures, 10s, 2U);
  c.at(11s);
  begin(c);
  end_with(c, "no_group");
  BOOST_TEST(c.verdict() == "I1: request 1 ends with no_group although nothing was wrong");
}

BOOST_AUTO_TEST_CASE(a_group_that_fails_without_a_fault_is_found) {
  COURT(explained_failures, 10s, 2U);
  c.at(11s);
  lose_group(c);
  BOOST_TEST(c.verdict() == "I1: group m/0 fails although nothing has been wrong for 11000 ms");
}

BOOST_AUTO_TEST_CASE(a_group_that_was_given_up_explains_failures_until_it_recovers) {
  COURT(explained_failures, 10s, 2U);
  c("group.failed", {{"group", "m/0"}, {"reason", "gave_up"}});
  c.at(60s);
  begin(c);
  end_with(c, "no_group");
  c("group.recovered", {{"group", "m/0"}});
  BOOST_TEST(c.verdict() == "");
}

BOOST_AUTO_TEST_CASE(a_group_that_has_no_place_any_more_may_fail) {
  COURT(explained_failures, 10s, 2U, std::set<std::string, std::less<>>{"m/0"});
  c.at(60s);
  lose_group(c);
  BOOST_TEST(c.verdict() == "");
}

BOOST_AUTO_TEST_CASE(a_request_that_is_given_up_too_soon_is_found) {
  COURT(explained_failures, 10s, 2U);
  begin(c);
  lose_group(c);
  end_with(c, "aborted");
  BOOST_TEST(c.verdict() == "I1: request 1 ends with aborted after 1 losses");
}

BOOST_AUTO_TEST_CASE(one_that_lost_too_many_groups_is_explained) {
  COURT(explained_failures, 10s, 2U);
  begin(c);
  for (int i = 0; i < 3; ++i) lose_group(c);
  end_with(c, "aborted");
  BOOST_TEST(c.verdict() == "");
}

BOOST_AUTO_TEST_SUITE_END()
BOOST_AUTO_TEST_SUITE(i4)

BOOST_AUTO_TEST_CASE(a_newer_generation_is_right) {
  COURT(fenced_generations);
  token(c, 0, 1);
  token(c, 1, 2);
  token(c, 2, 2);
  BOOST_TEST(c.verdict() == "");
}

BOOST_AUTO_TEST_CASE(a_token_of_a_fenced_generation_is_found) {
  COURT(fenced_generations);
  token(c, 0, 2);
  token(c, 1, 1);
  BOOST_TEST(c.verdict() ==
             "I4: request 1: a token of generation 1 of group m/0 is accepted after one of generation 2");
}

BOOST_AUTO_TEST_CASE(a_token_of_a_lost_generation_is_found) {
  COURT(fenced_generations);
  token(c, 0, 1);
  c("group.lost", {{"group", "m/0"}, {"generation", uint64_t{1}}});
  token(c, 1, 1);
  c.at(10ms);
  token(c, 2, 1);
  BOOST_TEST(c.verdict() == "I4: request 1: a token of generation 1 of group m/0 is accepted after it was lost");
}

BOOST_AUTO_TEST_SUITE_END()
BOOST_AUTO_TEST_SUITE(i11)

void load(court& c, uint64_t running, uint64_t waiting, uint64_t used = 0, uint64_t cached = 0) {
  c("group.load", {{"group", "m/0"},
                   {"running", running},
                   {"waiting", waiting},
                   {"sequences_max", uint64_t{8}},
                   {"waiting_max", uint64_t{4}},
                   {"pages_used", used},
                   {"pages_cached", cached},
                   {"pages_total", uint64_t{10}}});
}

BOOST_AUTO_TEST_CASE(full_queues_are_right) {
  COURT(bounded_queues);
  load(c, 8, 4);
  c("request.ended", {request_1, {"how", "overloaded"}});
  BOOST_TEST(c.verdict() == "");
}

BOOST_AUTO_TEST_CASE(streams_that_made_room_for_others_are_right) {
  COURT(bounded_queues);
  load(c, 3, 9);
  BOOST_TEST(c.verdict() == "");
}

BOOST_AUTO_TEST_CASE(too_many_streams_are_found) {
  COURT(bounded_queues);
  load(c, 8, 5);
  BOOST_TEST(c.verdict() == "I11: group m/0 has 13 of 12 streams");
}

BOOST_AUTO_TEST_CASE(too_many_that_run_are_found) {
  COURT(bounded_queues);
  load(c, 9, 0);
  BOOST_TEST(c.verdict() == "I11: group m/0 runs 9 of 8 sequences");
}

BOOST_AUTO_TEST_CASE(an_end_that_no_client_knows_is_found) {
  COURT(bounded_queues);
  c("request.ended", {request_1, {"how", "internal"}});
  BOOST_TEST(c.verdict() == "I11: request 1 ends with internal");
}

BOOST_AUTO_TEST_SUITE_END()
BOOST_AUTO_TEST_SUITE(i12)

using i11::load;

BOOST_AUTO_TEST_CASE(pages_of_open_requests_are_right) {
  COURT(conserved_pages, 1s);
  begin(c, 2, 3);
  c.at(20s);
  load(c, 2, 1, 7, 3);
  complete(c);
  c.at(20900ms);
  load(c, 2, 1, 1);
  c.at(22s);
  load(c, 0, 0, 0, 10);
  BOOST_TEST(c.verdict() == "");
}

BOOST_AUTO_TEST_CASE(more_pages_than_there_are_are_found) {
  COURT(conserved_pages, 1s);
  begin(c);
  load(c, 1, 0, 8, 3);
  BOOST_TEST(c.verdict() == "I12: group m/0 has given away 11 of 10 pages");
}

BOOST_AUTO_TEST_CASE(pages_that_a_cancel_did_not_free_are_found) {
  COURT(conserved_pages, 1s);
  begin(c);
  c("request.left", {request_1});
  c.at(6s);
  load(c, 0, 0, 1);
  c.at(7s);
  load(c, 0, 0, 1);
  BOOST_TEST(c.verdict() == "I12: groups keep 1 pages of nobody");
}

BOOST_AUTO_TEST_CASE(a_stream_of_nobody_is_found) {
  COURT(conserved_pages, 1s);
  begin(c);
  c.at(6s);
  load(c, 1, 1);
  c.at(7s);
  load(c, 0, 2);
  BOOST_TEST(c.verdict() == "I12: groups have 2 streams, clients wait for 1");
}

BOOST_AUTO_TEST_CASE(a_stream_that_is_over_before_another_begins_is_not_counted_with_it) {
  COURT(conserved_pages, 1s);
  begin(c);
  c.at(6s);
  load(c, 1, 1);
  c.at(6500ms);
  load(c, 0, 1);
  c.at(7s);
  load(c, 1, 1);
  BOOST_TEST(c.verdict() == "");
}

BOOST_AUTO_TEST_CASE(what_a_fault_keeps_from_being_freed_is_right) {
  COURT(conserved_pages, 1s);
  c("fault.begins", {{"id", uint64_t{1}}});
  c.at(20s);
  load(c, 1, 0, 1);
  c("fault.ends", {{"id", uint64_t{1}}});
  c.at(24s);
  load(c, 1, 0, 1);
  BOOST_TEST(c.verdict() == "");
}

BOOST_AUTO_TEST_SUITE_END()
BOOST_AUTO_TEST_SUITE(i13)

std::vector<full_recovery::group> core() { return {{"m/0", {"r0", "r1"}}}; }

void start(court& c, std::string_view process, uint64_t generation = 1) {
  c("os.started", {{"process", process}, {"generation", generation}});
}

void recover(court& c) {
  start(c, "r0");
  start(c, "r1");
  c("group.ready", {{"group", "m/0"}, {"ready", true}});
  i11::load(c, 0, 0);
  c("phase.healed");
  complete(c);
}

BOOST_AUTO_TEST_CASE(a_cluster_that_is_whole_is_right) {
  COURT(full_recovery, core());
  recover(c);
  BOOST_TEST(c.verdict() == "");
}

BOOST_AUTO_TEST_CASE(a_group_that_is_not_ready_is_found) {
  COURT(full_recovery, core());
  recover(c);
  c("group.ready", {{"group", "m/0"}, {"ready", false}});
  BOOST_TEST(c.verdict() == "I13: group m/0 is not ready");
}

BOOST_AUTO_TEST_CASE(a_rank_that_is_missing_is_found) {
  COURT(full_recovery, core());
  recover(c);
  c("os.ended", {{"process", "r1"}, {"generation", uint64_t{1}}});
  BOOST_TEST(c.verdict() == "I13: there are 0 processes of r1 instead of one");
}

BOOST_AUTO_TEST_CASE(a_rank_that_was_left_over_is_found) {
  COURT(full_recovery, core());
  recover(c);
  start(c, "r1", 2);
  BOOST_TEST(c.verdict() == "I13: there are 2 processes of r1 instead of one");
}

BOOST_AUTO_TEST_CASE(ranks_of_two_generations_are_found) {
  COURT(full_recovery, core());
  recover(c);
  c("os.ended", {{"process", "r1"}, {"generation", uint64_t{1}}});
  start(c, "r1", 2);
  BOOST_TEST(c.verdict() == "I13: group m/0 is of several generations");
}

BOOST_AUTO_TEST_CASE(a_stream_that_was_left_over_is_found) {
  COURT(full_recovery, core());
  recover(c);
  i11::load(c, 1, 0, 2);
  BOOST_TEST(c.verdict() == "I13: group m/0 keeps 1 running and 0 waiting streams, 2 pages");
}

BOOST_AUTO_TEST_CASE(a_group_that_never_said_a_word_is_found) {
  COURT(full_recovery, core());
  start(c, "r0");
  start(c, "r1");
  c("group.ready", {{"group", "m/0"}, {"ready", true}});
  c("phase.healed");
  complete(c);
  BOOST_TEST(c.verdict() == "I13: group m/0 never said what it has to do");
}

BOOST_AUTO_TEST_CASE(a_cluster_that_serves_nobody_is_found) {
  COURT(full_recovery, core());
  complete(c);
  c("phase.healed");
  c("request.ended", {request_1, {"how", "unavailable"}});
  BOOST_TEST(c.verdict() == "I13: nobody is served after healing");
}

BOOST_AUTO_TEST_SUITE_END()
BOOST_AUTO_TEST_SUITE(i15)

void fail(court& c, std::string_view reason = "restarted") {
  c("group.failed", {{"group", "m/0"}, {"reason", reason}});
}

BOOST_AUTO_TEST_CASE(restarts_within_the_limits_are_right) {
  COURT(bounded_restarts, 2U, 60s);
  fail(c);
  fail(c);
  fail(c, "gave_up");
  c.at(60s);
  fail(c);
  BOOST_TEST(c.verdict() == "");
}

BOOST_AUTO_TEST_CASE(a_restart_storm_is_found) {
  COURT(bounded_restarts, 2U, 60s);
  for (int i = 0; i < 3; ++i) fail(c);
  BOOST_TEST(c.verdict() == "I15: group m/0 is restarted 3 times within 60 s, of at most 2");
}

BOOST_AUTO_TEST_CASE(one_of_a_permanent_process_is_found) {
  COURT(bounded_restarts, 2U, 60s);
  for (int i = 0; i < 4; ++i) i13::start(c, "gateway-0", 0);
  BOOST_TEST(c.verdict() == "I15: process gateway-0 is restarted 4 times within 60 s, of at most 3");
}

BOOST_AUTO_TEST_SUITE_END()
BOOST_AUTO_TEST_SUITE(errors)

BOOST_AUTO_TEST_CASE(an_error_that_a_fault_explains_is_right) {
  COURT(expected_errors, std::set<std::string, std::less<>>{"controller.store_failed"});
  c("controller.store_failed", {{"why", "the disk is full"}}, log_level::error);
  c("root.restarts_actor", {{"why", "who knows"}}, log_level::warn);
  BOOST_TEST(c.verdict() == "");
}

BOOST_AUTO_TEST_CASE(one_that_nothing_explains_is_found) {
  COURT(expected_errors, std::set<std::string, std::less<>>{"controller.store_failed"});
  c("root.restarts_actor", {{"actor", "router"}, {"times", 3}, {"why", "who knows"}}, log_level::error);
  BOOST_TEST(c.verdict() == "errors: somebody: root.restarts_actor, actor router, why who knows");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace troupe::simulation
