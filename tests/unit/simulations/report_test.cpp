// The record of a run, and what is made of it to read and to look at: of events made by hand.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "simulations/report/event_text.hpp"
#include "simulations/report/markup.hpp"
#include "simulations/report/page.hpp"
#include "simulations/report/stream_choice.hpp"
#include "simulations/report/time_scale.hpp"
#include "simulations/report/timeline.hpp"

namespace troupe::simulation {
namespace {

using namespace std::chrono_literals;

/// A history with its record.
struct written {
  explicit written(size_t bound = record::events_max) : kept(bound) {
    happened.read_by([this](const event& e) { kept.read(e); });
  }
  void add(duration at, std::string_view node, std::string_view what, std::initializer_list<log_field> fields = {},
           log_level level = log_level::info) {
    happened.add(at, node, what, fields, level);
  }

  void begin(duration at, std::string_view request, uint64_t choices = 1) {
    add(at, "clients", "request.begun",
        {{"request", request},
         {"gateway", "gateway-0"},
         {"model", "m"},
         {"prompt", "abc"},
         {"choices", choices},
         {"tokens", 10}});
  }
  /// A token that the gateway has, and the client at once.
  void token(duration at, std::string_view request, int number, int generation, int choice = 0) {
    const std::string group = "m/" + std::to_string(number);
    add(at, "gateway-0", "stream.token",
        {{"request", request},
         {"choice", choice},
         {"index", 0},
         {"group", std::string_view(group)},
         {"generation", generation}});
    add(at, "clients", "request.delta", {{"request", request}, {"choice", choice}, {"text", "x"}});
  }
  void end(duration at, std::string_view request, std::string_view how = "complete") {
    add(at, "clients", "request.ended", {{"request", request}, {"how", how}});
  }
  void process(duration at, std::string_view what, std::string_view process, int generation, int pid) {
    add(at, "host-0", what, {{"process", process}, {"generation", generation}, {"pid", pid}});
  }

  history happened;
  record kept;
};

size_t count_of(std::string_view part, std::string_view in) {
  size_t count = 0;
  for (size_t at = in.find(part); at != std::string_view::npos; at = in.find(part, at + part.size())) ++count;
  return count;
}
bool has(std::string_view in, std::string_view part) {
  if (in.find(part) != std::string_view::npos) return true;
  BOOST_TEST_MESSAGE("no \"" << part << "\" in\n" << in);
  return false;
}

// ---- the record ----

BOOST_AUTO_TEST_CASE(a_record_keeps_the_last_events_with_texts_of_its_own) {
  written w(3);
  for (int i = 0; i < 5; ++i) {
    const std::string gone = "a node whose name is long, number " + std::to_string(i);
    w.add(1s * i, gone, "told" + std::to_string(i), {{"key" + std::to_string(i), gone}, {"number", i}});
  }
  BOOST_TEST(w.kept.size() == 3U);
  BOOST_TEST(w.kept.left_out() == 2U);
  for (size_t i = 0; i < 3; ++i) {
    const event& e = w.kept[i];
    const std::string number = std::to_string(i + 2);
    BOOST_TEST((e.at == 1s * (i + 2)));
    BOOST_TEST(e.node == "a node whose name is long, number " + number);
    BOOST_TEST(e.what == "told" + number);
    BOOST_TEST(e.text("key" + number) == e.node);
    BOOST_TEST(e.number("number") == i + 2);
  }
  written nothing(0);
  nothing.add(0s, "a", "b");
  BOOST_TEST(nothing.kept.size() == 0U);
  BOOST_TEST(nothing.kept.left_out() == 1U);
}

BOOST_AUTO_TEST_CASE(names_with_numbers_are_ordered_by_them) {
  for (const auto& [a, b] : {std::pair{"m-g2-r0", "m-g10-r0"}, {"m-g2-r3", "m-g2-r12"}, {"a", "b1"}, {"a", "a1"}}) {
    BOOST_TEST(natural_less(a, b));
    BOOST_TEST(!natural_less(b, a));
  }
  BOOST_TEST(natural_less("a1", "a01") != natural_less("a01", "a1"));
  BOOST_TEST(!natural_less("a1", "a1"));
}

BOOST_AUTO_TEST_CASE(a_ranks_name_says_its_group) {
  BOOST_TEST(group_of_rank_node("m-g0-r1").value_or("") == "m/0");
  BOOST_TEST(group_of_rank_node("a-g1-tiny-g12-r3").value_or("") == "a-g1-tiny/12");
  for (const char* other : {"gateway-0", "host-0", "-g0-r1", "m-g-r1", "m-g0-r", "m-r1", "m-g0-rx", ""})
    BOOST_TEST(!group_of_rank_node(other).has_value());
}

// ---- the timeline ----

BOOST_AUTO_TEST_CASE(a_timeline_has_a_line_for_each_event_in_columns) {
  written w;
  w.add(0s, "host-0", "agent.started");
  w.add(1234567us, "gateway-0", "link.up", {{"peer", "host-0"}, {"ok", true}, {"load", 0.5}, {"n", -3}});
  w.add(2s, "", "phase.safety");
  w.add(12s, "", "fault.begins", {{"id", 1}, {"kind", "process.crash"}, {"targets", "m-g0-r0,m-g0-r1"}});
  w.add(13s, "gateway-0", "membership.silent", {{"peer", "m-g0-r0"}, {"ms", 900}}, log_level::warn);
  w.add(14s, "", "fault.ends", {{"id", 1}});
  w.add(15s, "", "violation", {{"id", "I3"}, {"what", "a \"wrong\"\ntoken"}});
  w.add(16s, "gateway-0", "root.gave_up", {}, log_level::error);
  const std::string text = timeline_text(w.kept);
  const std::string_view expected =
      "       0.000  host-0     agent.started\n"
      "       1.234  gateway-0  link.up               peer=host-0 ok=true load=0.5 n=-3\n"
      "==     2.000  =========  phase.safety\n"
      ">>    12.000  >>>>>>>>>  fault.begins          id=1 kind=process.crash targets=m-g0-r0,m-g0-r1\n"
      "!     13.000  gateway-0  membership.silent     peer=m-g0-r0 ms=900\n"
      "<<    14.000  <<<<<<<<<  fault.ends            id=1\n"
      "!!    15.000  !!!!!!!!!  violation             id=I3 what=\"a \\\"wrong\\\"\\ntoken\"\n"
      "!!    16.000  gateway-0  root.gave_up\n"
      "\nRequests: 0\n";
  BOOST_TEST(text.substr(0, expected.size()) == expected);
  BOOST_TEST(text == timeline_text(w.kept));
}

BOOST_AUTO_TEST_CASE(a_timeline_says_of_each_request_what_became_of_it) {
  written w;
  w.begin(1s, "7");
  w.begin(1s, "8");
  w.begin(1s, "9", 2);
  w.begin(1s, "10");
  w.begin(1s, "11");
  for (const duration at : {2000ms, 2100ms, 2200ms}) w.token(at, "7", 0, 1);
  w.token(2s, "9", 0, 1, 0);
  w.token(2500ms, "9", 0, 1, 1);
  w.token(2900ms, "9", 0, 1, 0);
  // Its group dies and another goes on; then that one's successor.
  for (const duration at : {5200ms, 5300ms}) w.token(at, "7", 1, 4);
  w.token(5400ms, "7", 1, 5);
  w.end(5500ms, "7");
  w.end(6s, "8", "unavailable");
  w.end(6s, "9");
  w.add(6s, "clients", "request.left", {{"request", "10"}});
  w.add(6s, "gateway-0", "group.ready", {{"group", "m/0"}, {"ready", true}});
  const std::string text = timeline_text(w.kept);
  BOOST_TEST(has(text, "\nRequests: 5, 2 complete, 1 left, 1 not ended, 1 unavailable\n\n"));
  const std::string wanted = "begun 1.000 at gateway-0 (m, 3 tokens and 10 wanted";
  BOOST_TEST(has(text, "\n  7: " + wanted +
                           "); 6 tokens 2.000 to 5.400, longest gap 3.000 from 2.200; m/0 generation 1 (3), "
                           "m/1 generation 4 (2), m/1 generation 5 (1); complete 5.500 after 4.500\n"));
  BOOST_TEST(has(text, "\n! 8: " + wanted + "); 0 tokens; unavailable 6.000 after 5.000\n"));
  BOOST_TEST(has(text, "\n  9: " + wanted +
                           ", 2 choices); 3 tokens 2.000 to 2.900, longest gap 0.900 from 2.000; choice 0 m/0 "
                           "generation 1 (2), choice 1 m/0 generation 1 (1); complete 6.000 after 5.000\n"));
  BOOST_TEST(has(text, "\n  10: " + wanted + "); 0 tokens; left 6.000 after 5.000\n"));
  BOOST_TEST(has(text, "\n! 11: " + wanted + "); 0 tokens; has not ended\n"));
  const run_summary run = summary_of(w.kept);
  BOOST_TEST(run.requests[0].moves().size() == 2U);
  BOOST_TEST(run.requests[2].moves().empty());
}

BOOST_AUTO_TEST_CASE(a_timeline_says_of_each_node_what_became_of_it) {
  written w;
  w.add(0s, "host-0", "agent.started");
  w.process(1s, "os.started", "m-g0-r1", 1, 5);
  w.process(1s, "os.started", "gateway-0", 0, 6);
  w.add(2s, "gateway-0", "link.up", {{"peer", "host-0"}});
  w.add(3s, "m-g0-r1", "rank.ready", {{"rank", 1}, {"generation", 1}});
  w.process(4s, "os.stopped", "m-g0-r1", 1, 5);
  w.process(5s, "os.goes_on", "m-g0-r1", 1, 5);
  w.add(6s, "m-g0-r1", "rank.failed", {{"why", "no peer"}}, log_level::warn);
  w.add(7s, "host-0", "os.ended", {{"process", "m-g0-r1"}, {"generation", 1}, {"how", "exit 1"}});
  w.add(8s, "host-0", "agent.killed");
  const std::string_view expected =
      "\nNodes: 3\n\n"
      "  host-0, a host\n"
      "        0.000  agent started\n"
      "        8.000  agent killed\n"
      "  gateway-0, a gateway on host-0\n"
      "        1.000  started\n"
      "        2.000  runs\n"
      "  m-g0-r1, a rank on host-0\n"
      "        1.000  started, generation 1\n"
      "        3.000  ready, generation 1\n"
      "        4.000  stopped, generation 1\n"
      "        5.000  went on, generation 1\n"
      "!       6.000  rank.failed why=\"no peer\"\n"
      "        7.000  ended, generation 1: exit 1\n";
  const std::string text = timeline_text(w.kept);
  BOOST_TEST(text.substr(text.find("\nNodes")) == expected);
}

BOOST_AUTO_TEST_CASE(a_record_without_its_beginning_has_nodes_and_requests_all_the_same) {
  written w(3);
  w.begin(1s, "7");
  w.process(1s, "os.started", "m-g0-r1", 1, 5);
  w.token(8s, "7", 0, 1);
  w.process(9s, "os.ended", "m-g0-r1", 1, 5);
  w.end(10s, "7");
  const std::string text = timeline_text(w.kept);
  BOOST_TEST(has(text, "The first 3 events were left out.\n"));
  BOOST_TEST(has(text, "\n  7: begun before; 1 token 8.000 to 8.000; complete 10.000\n"));
  const run_summary run = summary_of(w.kept);
  BOOST_REQUIRE(run.nodes.size() == 1U);
  BOOST_REQUIRE(run.nodes[0].lives.size() == 1U);
  BOOST_TEST(run.nodes[0].lives[0].older);
  BOOST_TEST((run.nodes[0].lives[0].changes[0].at == run.from));
  BOOST_TEST((run.from == 8s));
}

BOOST_AUTO_TEST_CASE(a_group_is_ready_while_a_gateway_has_it) {
  written w;
  const auto ready = [&w](duration at, std::string_view gateway, bool is) {
    w.add(at, gateway, "group.ready", {{"group", "m/0"}, {"ready", is}});
  };
  w.process(1s, "os.started", "m-g0-r0", 1, 5);
  ready(2s, "gateway-0", true);
  ready(3s, "gateway-1", true);
  ready(4s, "gateway-0", false);
  ready(5s, "gateway-1", false);
  ready(6s, "gateway-1", true);
  w.add(7s, "gateway-0", "group.lost", {{"group", "m/0"}, {"generation", 1}, {"why", "lease"}}, log_level::warn);
  w.process(8s, "os.started", "m-g0-r0", 2, 6);
  w.add(8500ms, "gateway-0", "group.lost", {{"group", "m/0"}, {"generation", 1}, {"why", "late"}}, log_level::warn);
  w.add(9s, "gateway-0", "group.recovered", {{"group", "m/0"}, {"generation", 2}, {"ms", 2000}});
  const run_summary run = summary_of(w.kept);
  BOOST_REQUIRE(run.groups.size() == 1U);
  std::string seen;
  for (const auto& change : run.groups[0].changes) {
    seen += seconds_text(change.at) + (change.to == group_condition::ready  ? " ready "
                                       : change.to == group_condition::lost ? " lost "
                                                                            : " starting ");
    seen += std::to_string(change.generation) + change.why + "\n";
  }
  BOOST_TEST(seen ==
             "1.000 starting 1\n2.000 ready 1\n5.000 lost 1no gateway has it\n6.000 ready 1\n7.000 lost 1lease\n"
             "8.000 starting 2\n9.000 ready 2\n");
}

// ---- the page ----

/// The first tag of a page that is not closed where it should be; empty: there is none.
std::string unbalanced(std::string_view page) {
  std::vector<std::string> open;
  for (size_t at = page.find('<'); at != std::string_view::npos; at = page.find('<', at)) {
    const size_t end = page.find('>', at);
    if (end == std::string_view::npos) return "no end";
    const std::string_view tag = page.substr(at + 1, end - at - 1);
    at = end;
    const std::string name(tag.substr(0, tag.find_first_of(" \n/", 1)));
    if (tag.starts_with('!') || name == "meta" || tag.ends_with('/')) continue;
    if (!tag.starts_with('/')) {
      open.push_back(name);
      if (name == "style" || name == "script") at = page.find("</" + name, at);
    } else if (open.empty() || open.back() != tag.substr(1)) {
      return std::string(tag) + " at " + std::to_string(at);
    } else {
      open.pop_back();
    }
  }
  return open.empty() ? "" : open.back();
}

/// Something of everything.
void write_run(written& w) {
  w.add(0s, "host-0", "agent.started");
  w.add(0s, "", "phase.safety");
  w.process(1s, "os.started", "gateway-0", 0, 4);
  w.process(1s, "os.started", "m-g0-r0", 1, 5);
  w.add(1500ms, "m-g0-r0", "rank.ready", {{"rank", 0}, {"generation", 1}});
  w.add(2s, "gateway-0", "group.ready", {{"group", "m/0"}, {"ready", true}});
  w.begin(2500ms, "7");
  w.token(3s, "7", 0, 1);
  w.add(4s, "", "fault.begins", {{"id", 1}, {"kind", "process.stop"}, {"targets", "m-g0-r0,nobody"}});
  w.process(4s, "os.stopped", "m-g0-r0", 1, 5);
  w.add(5100ms, "gateway-0", "group.lost", {{"group", "m/0"}, {"generation", 1}, {"why", "silent"}}, log_level::warn);
  w.process(6s, "os.started", "m-g0-r0", 2, 6);
  w.add(7s, "", "fault.ends", {{"id", 1}});
  w.process(7s, "os.ended", "m-g0-r0", 1, 5);
  w.token(8s, "7", 0, 2);
  w.end(9s, "7", "unavailable");
  w.add(9s, "", "violation", {{"id", "I1"}, {"what", "7: an end too much"}});
  w.add(10s, "", "phase.over");
}

BOOST_AUTO_TEST_CASE(a_page_shows_each_thing_where_and_when_it_happened) {
  written w;
  write_run(w);
  const std::string page = timeline_page(w.kept, {.name = "seed 17", .command = "troupe simulate --seed 17"});
  BOOST_TEST(unbalanced(page) == "");
  // Up to 10 s and some more: 10.2.
  BOOST_TEST(has(page, R"(<rect class="state stopped" x="39.2157%" width="29.4118%")"));
  BOOST_TEST(has(page, "m-g0-r0, generation 1\nstopped 4.000 to 7.000 s (3.000 s)\nended 7.000 s"));
  BOOST_TEST(has(page, R"(<rect class="fault-over" x="39.2157%" width="29.4118%")"));
  BOOST_TEST(count_of("class=\"fault-over\"", page) == 1U);
  BOOST_TEST(has(page, R"(<rect class="state lost" x="50.0000%" width="8.8235%")"));
  BOOST_TEST(has(page, "m/0 generation 2 after m/0 generation 1, 5.000 s without a token"));
  BOOST_TEST(has(page, R"(<rect class="waits failed" x="24.5098%" width="63.7255%")"));
  BOOST_TEST(has(page, R"(<line class="bad-line" x1="88.2353%")"));
  BOOST_TEST(has(page, ">I1: 7: an end too much</text>"));
  BOOST_TEST(has(page, "1 violation</span>"));
  // Three processes, and a group twice.
  BOOST_TEST(count_of("class=\"state starting\"", page) - count_of("class=\"state starting\" x=\"1\"", page) == 5U);
  BOOST_TEST(page == timeline_page(w.kept, {.name = "seed 17", .command = "troupe simulate --seed 17"}));
}

BOOST_AUTO_TEST_CASE(a_page_needs_nothing_from_elsewhere) {
  written w;
  write_run(w);
  const std::string page = timeline_page(w.kept, {});
  for (const char* word : {"http:", "https:", "src=", "@import", "<link", "<iframe"})
    BOOST_TEST(count_of(word, page) == 0U, word);
  BOOST_TEST(has(page, "default-src 'none'"));
}

BOOST_AUTO_TEST_CASE(nothing_that_is_said_is_read_as_markup) {
  const std::string evil = "</title></style></svg></script><script>alert('1')</script>\"&\x01\xFF";
  written w;
  w.add(0s, evil, "agent.started");
  w.add(0s, "", "phase." + evil, {{evil, evil}});
  w.add(1s, evil, "os.started", {{"process", evil}, {"generation", 0}, {"pid", 1}});
  w.add(1s, evil, "os.started", {{"process", evil + "-g0-r0"}, {"generation", 1}, {"pid", 2}});
  w.add(1s, evil, "os.ended", {{"process", evil + "-g0-r0"}, {"generation", 1}, {"how", evil}});
  w.add(2s, evil, "group.ready", {{"group", evil}, {"ready", true}});
  w.add(3s, evil, "group.lost", {{"group", evil}, {"generation", 1}, {"why", evil}}, log_level::warn);
  w.add(3s, evil, evil, {{"why", evil}}, log_level::error);
  w.add(4s, "", "fault.begins", {{"id", 1}, {"kind", evil}, {"targets", evil + "," + evil}});
  w.add(5s, "", "violation", {{"id", evil}, {"what", evil}});
  w.add(5s, "clients", "request.begun", {{"request", evil}, {"gateway", evil}, {"model", evil}});
  for (const int generation : {1, 2})
    w.add(6s, evil, "stream.token", {{"request", evil}, {"group", evil}, {"generation", generation}});
  w.add(7s, "clients", "request.ended", {{"request", evil}, {"how", evil}});
  const std::string page = timeline_page(w.kept, {.name = evil, .command = evil});
  BOOST_TEST(count_of("<script", page) == 1U);
  BOOST_TEST(count_of("</script", page) == 1U);
  BOOST_TEST(count_of("<style", page) == 1U);
  BOOST_TEST(count_of("alert('", page) == 0U);
  BOOST_TEST(count_of("\x01", page) == 0U);
  BOOST_TEST(count_of("\xFF", page) == 0U);
  BOOST_TEST(unbalanced(page) == "");
  BOOST_TEST(has(page, "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&quot;&amp;\uFFFD\uFFFD"));
}

BOOST_AUTO_TEST_CASE(a_page_draws_the_streams_that_somebody_wants_to_look_at_before_others) {
  written w;
  for (int i = 0; i < 100; ++i) {
    const std::string name = std::to_string(i);
    w.begin(1s * i, name);
    w.token(1s * i, name, 0, 1);
    if (i == 57) w.token(1s * i + 100ms, name, 1, 1);
    w.end(1s * i + 500ms, name, i == 42 ? "unavailable" : "complete");
  }
  w.add(100s, "", "violation", {{"id", "I2"}, {"what", "99: too short"}});
  const run_summary run = summary_of(w.kept);
  const std::vector<size_t> drawn = streams_to_draw(run, 10);
  BOOST_TEST(drawn.size() == 10U);
  BOOST_TEST(std::ranges::is_sorted(drawn));
  const std::set<size_t> among(drawn.begin(), drawn.end());
  BOOST_TEST(among.size() == 10U);
  for (const size_t wanted : {42U, 57U, 99U}) BOOST_TEST(among.contains(wanted));
  // The others from all over the run.
  BOOST_TEST(*among.begin() < 10U);
  BOOST_TEST(*std::next(among.rbegin(), 1) > 80U);
  BOOST_TEST(streams_to_draw(run, 2).size() == 2U);
  BOOST_TEST(streams_to_draw(run, 1000).size() == 100U);

  const std::string page = timeline_page(w.kept, {}, {.streams = 10});
  BOOST_TEST(has(page, "Not drawn: 90 of 100 streams.</p>"));
  BOOST_TEST(count_of("class=\"waits ", page) == 10U + 1U);  // one in the legend
}

BOOST_AUTO_TEST_CASE(a_page_has_a_bound_for_everything) {
  written w;
  for (int i = 0; i < 50; ++i) {
    const std::string number = std::to_string(i);
    w.process(1s * i, "os.started", "m-g" + number + "-r0", 1, 1 + i);
    w.process(1s * i, "os.started", "gateway-0", 0, 1000 + i);
    w.process(1s * i + 500ms, "os.ended", "gateway-0", 0, 1000 + i);
    w.add(1s * i, "", "phase.number" + number);
    w.add(1s * i, "", "fault.begins", {{"id", i}, {"kind", "k"}, {"targets", "gateway-0"}});
    w.add(1s * i, "", "violation", {{"id", "I1"}, {"what", number}});
    w.begin(1s * i, number);
    for (int j = 0; j < 50; ++j) w.token(1s * i + 1ms * j, number, j, 1);
  }
  const page_bounds few{.streams = 5, .lanes = 5, .bars = 5, .faults = 5, .lines = 5};
  const std::string page = timeline_page(w.kept, {}, few);
  BOOST_TEST(unbalanced(page) == "");
  const std::string all = timeline_page(w.kept, {});
  BOOST_TEST(page.size() < all.size() / 2);
  BOOST_TEST(has(page,
                 "Not drawn: 45 of 50 faults, 45 of 50 groups, 46 of 51 nodes, 45 of 50 phases, 45 of 54 starts, "
                 "45 of 50 streams, 225 of 250 token bars, 45 of 50 violations.</p>"));
  BOOST_TEST(count_of("class=\"bad-line\"", page) == 5U);
  BOOST_TEST(count_of("class=\"fault-over\"", page) == 5U);
  BOOST_TEST(count_of("class=\"gives open\"", page) == 25U + 1U);
}

BOOST_AUTO_TEST_CASE(a_run_without_events_has_a_page) {
  const record nothing;
  BOOST_TEST(unbalanced(timeline_page(nothing, {.name = "nothing", .command = {}})) == "");
  BOOST_TEST(has(timeline_text(nothing), "Requests: 0"));
}

BOOST_AUTO_TEST_CASE(a_long_text_ends_in_an_ellipsis_and_is_never_cut_inside_a_character) {
  BOOST_TEST(shortened("abc", 3) == "abc");
  BOOST_TEST(shortened("abcd", 3) == "ab…");
  BOOST_TEST(shortened("äöüß", 3) == "äö…");
}

BOOST_AUTO_TEST_CASE(rows_are_shared_by_what_does_not_touch) {
  row_packer rows;
  BOOST_TEST(rows.place(0, 10) == 0U);
  BOOST_TEST(rows.place(5, 6) == 1U);
  BOOST_TEST(rows.place(6, 20) == 1U);
  BOOST_TEST(rows.place(10, 12) == 0U);
  BOOST_TEST(rows.rows() == 2U);
}

BOOST_AUTO_TEST_CASE(a_scale_has_round_steps) {
  const time_scale scale(0s, 200s);
  BOOST_TEST(scale.pixels() == 1800);
  BOOST_TEST((scale.step(85) == 10s));
  BOOST_TEST((scale.step(17) == 2s));
  BOOST_TEST(scale.x(-1s) == "0.0000%");
  BOOST_TEST(scale.x(102s) == "50.0000%");
  BOOST_TEST(scale.x(1h) == "100.0000%");
}

}  // namespace
}  // namespace troupe::simulation
