#include "base/log.hpp"

#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cstdio>
#include <limits>
#include <thread>

#include "base/json.hpp"

namespace troupe {
namespace {

std::string escaped(std::string_view text) {
  std::string out;
  append_json_escaped(out, text);
  return out;
}

BOOST_AUTO_TEST_CASE(text_cannot_end_its_own_json_string) {
  BOOST_TEST(escaped("a\"b\\c\n") == "a\\\"b\\\\c\\n");
  BOOST_TEST(escaped(std::string_view("\x00\x1f\x7f", 3)) == "\\u0000\\u001f\\u007f");
  BOOST_TEST(escaped("\xE2\x82\xAC \xE2\x82") == "\xE2\x82\xAC \xEF\xBF\xBD\xEF\xBF\xBD");
}

/// What is written to standard error meanwhile.
template <class Action>
std::string written_to_stderr(Action action) {
  std::FILE* file = std::tmpfile();
  BOOST_REQUIRE(file != nullptr);
  int before = ::dup(2);
  ::dup2(::fileno(file), 2);
  action();
  ::dup2(before, 2);
  ::close(before);
  std::rewind(file);
  std::string text;
  for (int c = std::fgetc(file); c != EOF; c = std::fgetc(file)) text += static_cast<char>(c);
  std::fclose(file);
  return text;
}

std::vector<boost::json::object> events(std::string_view text) {
  std::vector<boost::json::object> all;
  while (!text.empty()) {
    auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(line.size() + 1);
    auto event = parse_json(line);
    if (!event) BOOST_FAIL(line << ": " << event.err().detail);
    all.push_back(event->get_object());
  }
  return all;
}

BOOST_AUTO_TEST_CASE(an_event_is_one_object_on_one_line) {
  auto all = events(written_to_stderr([] {
    auto log = make_json_logger("100%v \"n\"", log_level::info);
    log->info("group.lost", {{"group", "m/0"},
                             {"why", "a {} line\nand another \xFF"},
                             {"generation", uint64_t{1} << 63},
                             {"offset", -1},
                             {"share", 0.5},
                             {"none", std::numeric_limits<double>::quiet_NaN()},
                             {"draining", true}});
    log->debug("dropped");
    log->error("group.gave_up");
  }));
  BOOST_REQUIRE(all.size() == 2u);
  auto& lost = all[0];
  BOOST_TEST(lost["ts"].as_string().size() == std::string_view("2026-01-31T12:00:00.000Z").size());
  BOOST_TEST(lost["node"].as_string() == "100%v \"n\"");
  BOOST_TEST(lost["level"].as_string() == "info");
  BOOST_TEST(lost["event"].as_string() == "group.lost");
  BOOST_TEST(lost["why"].as_string() == "a {} line\nand another \xEF\xBF\xBD");
  BOOST_TEST(lost["generation"].as_uint64() == uint64_t{1} << 63);
  BOOST_TEST(lost["offset"].as_int64() == -1);
  BOOST_TEST(lost["share"].as_double() == 0.5);
  BOOST_TEST(lost["none"].is_null());
  BOOST_TEST(lost["draining"].as_bool());
  BOOST_TEST(all[1]["level"].as_string() == "error");
}

BOOST_AUTO_TEST_CASE(events_of_several_threads_do_not_mix) {
  constexpr size_t threads = 4, each = 200;
  auto all = events(written_to_stderr([] {
    auto log = make_json_logger("n", log_level::info);
    std::vector<std::thread> writers;
    for (size_t t = 0; t < threads; ++t) {
      writers.emplace_back([&] {
        for (size_t i = 0; i < each; ++i) log->info("x", {{"text", std::string(500, 'x')}});
      });
    }
    for (auto& writer : writers) writer.join();
  }));
  BOOST_TEST(all.size() == threads * each);
}

BOOST_AUTO_TEST_CASE(reads_level_names) {
  log_level level{};
  BOOST_TEST(parse_log_level("warn", level));
  BOOST_TEST((level == log_level::warn));
  BOOST_TEST(!parse_log_level("loud", level));
}

}  // namespace
}  // namespace troupe
