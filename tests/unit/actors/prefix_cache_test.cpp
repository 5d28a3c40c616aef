#include "actors/group_leader/prefix_cache.hpp"

#include <boost/test/unit_test.hpp>
#include <map>
#include <random>

// A namespace of its own: sources of one test program are compiled together.
namespace troupe::prefix_cache_test {
namespace {

constexpr std::string_view ours, theirs = "theirs";

/// 16 ids that begin with this one.
std::array<token_id, kv_page_positions> ids(token_id first) {
  std::array<token_id, kv_page_positions> out{};
  out[0] = first;
  return out;
}

/// A text whose pages begin with these ids, computed and made known. The pages are the caller's.
std::vector<uint32_t> text(prefix_cache& cache, const std::vector<token_id>& firsts, std::string_view salt = ours) {
  std::vector<uint32_t> pages;
  uint32_t parent = prefix_cache::root;
  for (token_id first : firsts) {
    BOOST_REQUIRE(cache.take(1, pages));
    parent = pages.back() = cache.add(salt, parent, ids(first), pages.back());
  }
  return pages;
}

/// How many pages of the text are found. They are given back.
size_t found(prefix_cache& cache, const std::vector<token_id>& firsts, std::string_view salt = ours) {
  std::vector<uint32_t> pages;
  for (token_id first : firsts) {
    auto page = cache.find(salt, pages.empty() ? prefix_cache::root : pages.back(), ids(first));
    if (!page) break;
    pages.push_back(*page);
  }
  size_t count = pages.size();
  cache.give_back(pages);
  return count;
}

BOOST_AUTO_TEST_CASE(finds_what_begins_alike_and_nothing_else) {
  prefix_cache cache(8);
  auto pages = text(cache, {1, 2, 3});
  BOOST_TEST(found(cache, {1, 2, 3}) == 3u);
  BOOST_TEST(found(cache, {1, 2, 4}) == 2u);
  BOOST_TEST(found(cache, {2, 3}) == 0u);  // the same ids elsewhere in a text
  cache.give_back(pages);
  BOOST_TEST(found(cache, {1, 2, 3}) == 3u);
  BOOST_TEST(cache.pages().used_pages() == 0u);
  BOOST_TEST(cache.pages().kept_pages() == 3u);
}

BOOST_AUTO_TEST_CASE(what_one_salt_wrote_no_other_finds) {
  prefix_cache cache(8);
  auto pages = text(cache, {1, 2}, theirs);
  BOOST_TEST(found(cache, {1, 2}) == 0u);
  BOOST_TEST(found(cache, {1, 2}, theirs) == 2u);
}

BOOST_AUTO_TEST_CASE(two_that_computed_the_same_share_it_from_then_on) {
  prefix_cache cache(4);
  auto first = text(cache, {1});
  std::vector<uint32_t> second;
  BOOST_REQUIRE(cache.take(1, second));
  BOOST_TEST(second[0] != first[0]);
  second[0] = cache.add(ours, prefix_cache::root, ids(1), second[0]);
  BOOST_TEST(second[0] == first[0]);
  BOOST_TEST(cache.pages().used_pages() == 1u);
  BOOST_TEST(cache.pages().free_pages() == 3u);
  cache.give_back(first);
  BOOST_TEST(cache.pages().used_pages() == 1u);
}

BOOST_AUTO_TEST_CASE(the_end_of_the_text_that_was_used_the_longest_time_ago_makes_room_first) {
  prefix_cache cache(6);
  auto a = text(cache, {1, 2, 3}), b = text(cache, {1, 5, 6});  // five pages, the first is shared
  cache.give_back(a);
  cache.give_back(b);
  BOOST_TEST(found(cache, {1, 2, 3}) == 3u);  // now it was used after the other
  std::vector<uint32_t> room;
  BOOST_REQUIRE(cache.take(2, room));
  BOOST_TEST(found(cache, {1, 5, 6}) == 2u);  // now this is
  BOOST_REQUIRE(cache.take(1, room));
  BOOST_TEST(found(cache, {1, 2, 3}) == 2u);
  BOOST_TEST(found(cache, {1, 5, 6}) == 2u);
  BOOST_TEST(cache.evictions() == 2u);
  BOOST_REQUIRE(cache.take(3, room));
  BOOST_TEST(!cache.take(1, room));
  BOOST_TEST(room.size() == 6u);
  BOOST_TEST(found(cache, {1}) == 0u);
}

BOOST_AUTO_TEST_CASE(pages_in_use_are_not_forgotten) {
  prefix_cache cache(3);
  auto a = text(cache, {1, 2});
  auto b = text(cache, {1});
  cache.give_back(a);
  std::vector<uint32_t> room;
  BOOST_TEST(cache.available() == 2u);
  BOOST_TEST(!cache.take(3, room));
  BOOST_REQUIRE(cache.take(2, room));
  BOOST_TEST(found(cache, {1}) == 1u);
}

// Against a model: a map from the whole text to what it holds. Every page found holds the ids that were asked for.
BOOST_AUTO_TEST_CASE(agrees_with_a_plain_map_whatever_happens) {
  for (uint32_t seed = 1; seed <= 20; ++seed) {
    std::mt19937 random(seed);
    constexpr uint32_t total = 24;
    prefix_cache cache(total);
    std::vector<std::vector<token_id>> held(total);  // what each page holds: its whole text
    std::vector<std::vector<uint32_t>> users;
    for (int round = 0; round < 3000; ++round) {
      if (!users.empty() && random() % 3 == 0) {
        auto at = users.begin() + static_cast<long>(random() % users.size());
        cache.give_back(*at);
        users.erase(at);
      } else {
        std::vector<token_id> whole;
        std::vector<uint32_t> pages;
        const std::string_view salt = random() % 4 == 0 ? theirs : ours;
        whole.push_back(salt == ours ? 100 : 200);
        const auto length = 1 + random() % 6;
        bool finding = true;
        for (uint32_t i = 0; i < length; ++i) {
          const auto id = static_cast<token_id>(random() % 3);
          whole.push_back(id);
          const uint32_t parent = pages.empty() ? prefix_cache::root : pages.back();
          auto page = finding ? cache.find(salt, parent, ids(id)) : std::nullopt;
          if (page) {
            BOOST_REQUIRE((held[*page] == whole));
            pages.push_back(*page);
            continue;
          }
          finding = false;
          if (!cache.take(1, pages)) break;
          held[pages.back()] = whole;
          pages.back() = cache.add(salt, parent, ids(id), pages.back());
          BOOST_REQUIRE((held[pages.back()] == whole));
        }
        users.push_back(pages);
      }
      std::set<uint32_t> used;
      for (const auto& pages : users) used.insert(pages.begin(), pages.end());
      BOOST_REQUIRE(cache.pages().used_pages() == used.size());
      BOOST_REQUIRE(cache.available() == total - used.size());
    }
    for (auto& pages : users) cache.give_back(pages);
    std::vector<uint32_t> all;
    BOOST_TEST(cache.take(total, all));
    BOOST_TEST(std::set<uint32_t>(all.begin(), all.end()).size() == total);
  }
}

}  // namespace
}  // namespace troupe::prefix_cache_test
