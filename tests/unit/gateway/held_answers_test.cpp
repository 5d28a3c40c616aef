#include "gateway/api/held_answers.hpp"

#include <boost/test/unit_test.hpp>
#include <map>
#include <set>

#include "tests/unit/gateway/api_world.hpp"

namespace troupe {
namespace {

const std::string path = "/v1/completions";
const std::string whole = R"({"model":"tiny","prompt":"a"})";
const std::string streamed_text = R"({"model":"tiny","prompt":"a","stream":true})";
const std::string streamed_chat =
    R"({"model":"tiny","messages":[{"role":"user","content":"a"}],"stream":true,"stream_options":{"include_usage":true}})";

struct event {
  std::string id;
  std::string data;
};

std::vector<event> events_of(std::string_view text) {
  std::vector<event> events;
  std::string id;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    if (line.starts_with("id: ")) id = line.substr(4);
    if (line.starts_with("data: ")) events.push_back({id, std::string(line.substr(6))});
  }
  return events;
}

/// What a client has understood: the text of each choice, its tokens, how often each began and finished.
struct understood {
  std::map<int64_t, std::string> text, tokens, offsets;
  std::map<int64_t, int> roles, finishes;
  std::set<std::string> ids, created;
  int ends = 0;
  std::string error;

  void add(const event& one) {
    if (one.data == "[DONE]") {
      ++ends;
      return;
    }
    const auto parsed = parse_json(one.data);
    BOOST_REQUIRE(parsed.has_value());
    const auto& object = parsed->get_object();
    if (object.contains("error")) {
      error = std::string(object.at("error").at("code").get_string());
      return;
    }
    ids.insert(std::string(object.at("id").get_string()));
    created.insert(std::to_string(object.at("created").as_int64()));
    for (const auto& choice : object.at("choices").get_array()) {
      const int64_t index = choice.at("index").as_int64();
      if (const auto* delta = choice.get_object().if_contains("delta")) {
        if (const auto* content = delta->get_object().if_contains("content"))
          text[index] += std::string(content->get_string());
        roles[index] += delta->get_object().contains("role") ? 1 : 0;
      } else {
        text[index] += std::string(choice.at("text").get_string());
      }
      if (const auto* columns = choice.at("logprobs").if_object(); columns != nullptr && columns->contains("tokens")) {
        for (const auto& token : columns->at("tokens").get_array())
          tokens[index] += std::string(token.get_string()) + "|";
        for (const auto& offset : columns->at("text_offset").get_array())
          offsets[index] += std::to_string(offset.as_int64()) + "|";
      }
      finishes[index] += choice.at("finish_reason").is_null() ? 0 : 1;
    }
  }
  friend bool operator==(const understood&, const understood&) = default;
};

understood read_events(const std::vector<event>& events, understood from = {}) {
  for (const event& one : events) from.add(one);
  return from;
}

struct world : api_world {
  std::shared_ptr<recorded_exchange> keyed(const std::string& body, const std::string& key = "k",
                                           const std::string& last_event = "", size_t room = 1000) {
    return ask("POST", body == streamed_chat ? "/v1/chat/completions" : path, body, room, key, last_event);
  }
};

BOOST_FIXTURE_TEST_SUITE(held, world)

BOOST_AUTO_TEST_CASE(two_clients_with_a_key_share_one_generation) {
  const auto first = keyed(streamed_text);
  const auto stream = cluster.stream(0);
  stream->say("one ");
  const auto second = keyed(streamed_text);
  stream->say("two");
  stream->finish(2);
  BOOST_TEST(cluster.streams() == 1u);
  BOOST_TEST(first->ended);
  BOOST_TEST(first->events == second->events);
  BOOST_TEST(first->events.find("id: 1700000001;4.0.") != std::string::npos);
  // And who comes afterwards.
  const auto third = keyed(streamed_text);
  BOOST_TEST(third->ended);
  BOOST_TEST(third->events == first->events);
  BOOST_TEST(cluster.streams() == 1u);
  // Counted once.
  BOOST_TEST(metrics.finished.size() == 1u);
  BOOST_TEST(metrics.firsts.size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_whole_answer_is_given_twice) {
  const auto first = keyed(whole);
  const auto second = keyed(whole);
  cluster.stream(0)->say("x");
  cluster.stream(0)->finish();
  BOOST_TEST(first->response->body == second->response->body);
  BOOST_TEST(keyed(whole)->response->body == first->response->body);
  BOOST_TEST(cluster.streams() == 1u);
  time.advance(config.held.keep);
  // Something has to be asked for the old to be forgotten.
  keyed(whole, "another");
  BOOST_TEST(!keyed(whole)->response.has_value());
  BOOST_TEST(cluster.streams() == 3u);
}

BOOST_AUTO_TEST_CASE(a_key_is_for_one_request) {
  keyed(whole);
  const auto other = keyed(streamed_text);
  BOOST_TEST(other->response->status == 422);
  BOOST_TEST(body_of(*other).at("error").at("code").get_string() == "key_reused");
  BOOST_TEST(ask("POST", "/v1/chat/completions", whole, 1000, "k")->response->status == 422);
  BOOST_TEST(cluster.streams() == 1u);
  keyed(streamed_text, "l");
  BOOST_TEST(cluster.streams() == 2u);
}

BOOST_AUTO_TEST_CASE(what_failed_is_tried_again) {
  const auto first = keyed(whole);
  cluster.stream(0)->sink->on_error({errc::overloaded, "full"});
  BOOST_TEST(first->response->status == 503);
  const auto second = keyed(whole);
  cluster.stream(1)->say("x");
  cluster.stream(1)->finish();
  BOOST_TEST(second->response->status == 200);
  BOOST_TEST(keyed(R"({"model":"none","prompt":"a"})", "bad")->response->status == 404);
  BOOST_TEST(keyed(R"({"model":"none","prompt":"b"})", "bad")->response->status == 404);
}

BOOST_AUTO_TEST_CASE(a_key_draws_the_same_anywhere) {
  world other;
  keyed(streamed_text);
  other.keyed(streamed_text);
  const auto seed = cluster.stream(0)->request.sampling.seed;
  BOOST_TEST(seed == other.cluster.stream(0)->request.sampling.seed);
  keyed(streamed_text, "l");
  BOOST_TEST(seed != cluster.stream(1)->request.sampling.seed);
  keyed(R"({"model":"tiny","prompt":"b","stream":true})", "m");
  BOOST_TEST(cluster.stream(1)->request.sampling.seed != cluster.stream(2)->request.sampling.seed);
  keyed(R"({"model":"tiny","prompt":"a","seed":7})", "n");
  BOOST_TEST(cluster.stream(3)->request.sampling.seed == 7u);
}

token_logprob token(const std::string& bytes) { return {.id = 5, .bytes = bytes, .logprob = -0.5F, .top = {}}; }

/// Two choices' answers, in pieces of so many tokens; the text of a token comes with it or, every third, with the next.
void play(fake_stream& stream, size_t pieces_of) {
  const std::vector<std::string> words{"a", "b\xc3\xa9", "\xe2\x82\xac", "", "cd", "e\"f", "g", "\n"};
  for (uint32_t choice = 0; choice < 2; ++choice) {
    for (size_t i = 0; i < words.size(); i += pieces_of) {
      answer_delta delta{.choice = choice, .text = {}, .logprobs = {}};
      for (size_t k = i; k < std::min(i + pieces_of, words.size()); ++k) {
        delta.text += words[k];
        delta.logprobs.push_back(token(words[k]));
      }
      if (choice == 1 && i + pieces_of >= words.size()) delta.finish = finish_reason::length;
      BOOST_REQUIRE(stream.sink->on_delta(delta));
    }
    if (choice == 0) BOOST_REQUIRE(stream.say("", 0, finish_reason::stop));
  }
  stream.sink->on_end({.prompt_tokens = 1, .completion_tokens = 16});
}

BOOST_AUTO_TEST_CASE(a_stream_goes_on_after_any_event_wherever_its_answer_is_made_again) {
  const std::string chat = "/v1/chat/completions";
  const std::pair<std::string, std::string> calls[] = {
      {path, R"({"model":"tiny","prompt":"a","stream":true,"n":2,"logprobs":0,"max_tokens":8})"},
      {path, R"({"model":"tiny","prompt":"a","stream":true,"n":2,"echo":true,"max_tokens":8})"},
      {path, R"({"model":"tiny","prompt":["a","b"],"stream":true,"n":2})"},
      {chat, R"({"model":"tiny","messages":[{"role":"user","content":"a"}],"stream":true,"n":2,"logprobs":true})"}};
  for (const auto& [route, ask_for] : calls) {
    world first;
    first.cluster.script = [](fake_stream& stream) { play(stream, 1); };
    const auto asked = first.ask("POST", route, ask_for, 1000, "k");
    BOOST_REQUIRE((asked->response ? asked->response->body : "") == "");
    const auto all = events_of(asked->events);
    const understood everything = read_events(all);
    BOOST_TEST(everything.ends == 1);
    BOOST_TEST(everything.finishes.at(0) == 1);
    for (size_t had = 1; had < all.size(); ++had) {
      if (all[had].data == "[DONE]") break;
      const understood before = read_events({all.begin(), all.begin() + static_cast<ptrdiff_t>(had)});
      // The same gateway, and others that cut it in other pieces, at another time.
      const auto same = first.ask("POST", route, ask_for, 1000, "k", all[had - 1].id);
      BOOST_TEST((read_events(events_of(same->events), before) == everything), "after event " << had);
      for (const size_t pieces_of : {1U, 2U, 3U, 8U}) {
        world other;
        other.time.advance(std::chrono::hours(1));
        other.cluster.script = [&](fake_stream& stream) { play(stream, pieces_of); };
        const auto rest = other.ask("POST", route, ask_for, 1000, "k", all[had - 1].id);
        const understood both = read_events(events_of(rest->events), before);
        BOOST_TEST((both == everything),
                   "after event " << had << " in pieces of " << pieces_of << ": " << rest->events);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(another_answer_is_not_taken_for_the_rest) {
  cluster.script = [](fake_stream& stream) {
    stream.say("one ");
    stream.say("two");
    stream.finish();
  };
  const auto all = events_of(keyed(streamed_text)->events);
  world other;
  other.cluster.script = [](fake_stream& stream) {
    stream.say("one, two");
    stream.finish();
  };
  const auto rest = other.keyed(streamed_text, "k", all[0].id);
  BOOST_REQUIRE(rest->response.has_value());
  BOOST_TEST(rest->response->status == 409);
  // Shorter than what was sent.
  world shorter;
  shorter.cluster.script = [](fake_stream& stream) {
    stream.say("one");
    stream.finish();
  };
  BOOST_TEST(shorter.keyed(streamed_text, "k", all[1].id)->response->status == 409);
}

BOOST_AUTO_TEST_CASE(a_last_event_that_cannot_be_is_refused) {
  BOOST_TEST(ask("POST", path, streamed_text, 1000, "", "1;-")->response->status == 400);
  BOOST_TEST(keyed(streamed_text, "k", "nonsense")->response->status == 400);
  BOOST_TEST(keyed(streamed_text, "k", "1;-;-")->response->status == 400);
  BOOST_TEST(keyed(whole, "l", "1;-")->response->status == 400);
  BOOST_TEST(cluster.streams() == 0u);
  // Nor where the answer is there.
  keyed(streamed_text);
  BOOST_TEST(keyed(streamed_text, "k", "1;-;-")->response->status == 400);
  BOOST_TEST(cluster.streams() == 1u);
}

BOOST_AUTO_TEST_CASE(without_a_client_it_goes_on_for_a_while) {
  auto first = keyed(streamed_text);
  const auto stream = cluster.stream(0);
  stream->say("one ");
  first->work.reset();
  BOOST_TEST(!stream->cancelled());
  time.advance(config.held.alone - std::chrono::milliseconds(1));
  stream->say("two ");
  BOOST_TEST(!stream->cancelled());
  auto second = keyed(streamed_text, "k", events_of(first->events).back().id);
  BOOST_TEST(read_events(events_of(second->events)).text.at(0) == "two ");
  time.advance(config.held.alone);
  stream->say("three ");
  BOOST_TEST(!stream->cancelled());
  second->work.reset();
  time.advance(config.held.alone);
  stream->say("four ");
  BOOST_TEST(stream->cancelled());
  // Asked for again, it is made again.
  const auto third = keyed(streamed_text, "k", events_of(second->events).back().id);
  cluster.stream(1)->say("one two three four ");
  cluster.stream(1)->finish();
  BOOST_TEST(read_events(events_of(third->events)).text.at(0) == "four ");
}

BOOST_AUTO_TEST_CASE(a_slow_client_holds_up_nobody) {
  const auto slow = keyed(streamed_text, "k", "", 1);
  const auto quick = keyed(streamed_text);
  const auto stream = cluster.stream(0);
  stream->say("one ");
  BOOST_TEST(stream->say("two "));
  stream->finish();
  BOOST_TEST(quick->ended);
  BOOST_TEST(!slow->ended);
  slow->room = 1000;
  slow->work->resume();
  BOOST_TEST(slow->events == quick->events);
}

BOOST_AUTO_TEST_CASE(so_many_are_held) {
  config.held.answers_max = 8;
  api = make_api(config, cluster, time, random, metrics);
  cluster.script = [](fake_stream& stream) { stream.finish(); };
  for (int i = 0; i < 20; ++i) {
    time.advance(std::chrono::milliseconds(1));
    BOOST_TEST(keyed(whole, "done" + std::to_string(i))->response->status == 200);
  }
  // Those that grow are never forgotten.
  cluster.script = nullptr;
  const size_t before = cluster.streams();
  for (int i = 0; i < 8; ++i) BOOST_TEST(!keyed(whole, "grows" + std::to_string(i))->response.has_value());
  const auto refused = keyed(whole, "more");
  BOOST_TEST(refused->response->status == 503);
  BOOST_TEST(cluster.streams() == before + 8);
  BOOST_TEST(!keyed(whole, "grows0")->response.has_value());
  cluster.stream(before)->finish();
  BOOST_TEST(!keyed(whole, "more")->response.has_value());
}

BOOST_AUTO_TEST_CASE(so_many_bytes_are_held) {
  config.held.bytes_max = 1 << 20;
  config.collected_bytes_max = 1 << 19;
  api = make_api(config, cluster, time, random, metrics);
  size_t made = 0, bytes = 300'000;
  // An actor that has ended holds its sink no more, nor does a connection that has the whole answer.
  cluster.instead = [&](const generate_request&, const std::shared_ptr<answer_sink>& sink) {
    ++made;
    sink->on_delta({.choice = 0, .text = std::string(bytes, 'x'), .logprobs = {}, .finish = finish_reason::stop});
    sink->on_end({});
    return std::unique_ptr<running_request>();
  };
  const auto status = [&](const std::string& key) {
    const auto exchange = keyed(whole, key);
    exchange->work.reset();
    return exchange->response->status;
  };
  for (int i = 0; i < 8; ++i) {
    time.advance(std::chrono::milliseconds(1));
    BOOST_TEST(status("k" + std::to_string(i)) == 200);
  }
  // The last of them is there, the first is not.
  BOOST_TEST(status("k7") == 200);
  BOOST_TEST(made == 8u);
  BOOST_TEST(status("k0") == 200);
  BOOST_TEST(made == 9u);
  bytes = 600'000;
  BOOST_TEST(status("large") == 413);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace troupe
