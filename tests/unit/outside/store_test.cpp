#include <sqlite3.h>
#include <sys/stat.h>

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <fstream>
#include <iterator>
#include <thread>

#include "actors/outside/store/sqlite_store.hpp"
#include "tests/support/temporary_folder.hpp"

namespace troupe {
namespace {

struct opened_store {
  test::temporary_folder folder;
  std::filesystem::path file = folder / "store.db";
  std::unique_ptr<sqlite_store> store = open();

  std::unique_ptr<sqlite_store> open() const {
    auto opened = sqlite_store::open(file);
    if (!opened) BOOST_FAIL(opened.err().message());
    return *std::move(opened);
  }
  error refused() const {
    auto opened = sqlite_store::open(file);
    BOOST_REQUIRE(!opened);
    return opened.err();
  }
  void reopen() {
    store.reset();
    store = open();
  }
  uint64_t put(std::string_view key, std::string_view value, uint64_t expected = 0) {
    auto written = store->put_if(key, value, expected);
    if (!written) BOOST_FAIL(written.err().message());
    return *written;
  }
  std::string value_of(std::string_view key) {
    auto entry = store->get(key);
    BOOST_REQUIRE(entry);
    BOOST_REQUIRE(entry->has_value());
    return (*entry)->value;
  }
};

BOOST_FIXTURE_TEST_SUITE(store, opened_store)

BOOST_AUTO_TEST_CASE(a_key_that_was_never_written_is_nothing) {
  auto entry = store->get("k");
  BOOST_REQUIRE(entry);
  BOOST_TEST(!entry->has_value());
}

BOOST_AUTO_TEST_CASE(a_write_needs_the_present_revision) {
  auto first = put("k", "one");
  BOOST_TEST((store->put_if("k", "two", 0).err().code == errc::conflict));
  BOOST_TEST((store->put_if("k", "two", first + 1).err().code == errc::conflict));
  BOOST_TEST((store->put_if("other", "two", first).err().code == errc::conflict));
  BOOST_TEST(value_of("k") == "one");
  auto second = put("k", "two", first);
  BOOST_TEST(second > first);
  BOOST_TEST((*store->get("k") == store_entry{"k", "two", second}));
}

BOOST_AUTO_TEST_CASE(a_removal_needs_the_present_revision) {
  auto first = put("k", "one");
  BOOST_TEST((store->remove_if("k", first + 1).err().code == errc::conflict));
  BOOST_TEST(store->remove_if("k", first).has_value());
  BOOST_TEST(!store->get("k")->has_value());
  BOOST_TEST((store->remove_if("k", first).err().code == errc::conflict));
}

BOOST_AUTO_TEST_CASE(a_revision_is_never_given_twice_even_after_a_removal_and_a_restart) {
  auto first = put("k", "one");
  BOOST_REQUIRE(store->remove_if("k", first));
  reopen();
  auto second = put("k", "one");
  BOOST_TEST(second > first);
  BOOST_TEST((store->put_if("k", "two", first).err().code == errc::conflict));
}

BOOST_AUTO_TEST_CASE(what_was_written_is_there_after_a_restart) {
  auto revision = put("k", std::string("any \0 bytes \xFF", 13));
  reopen();
  BOOST_TEST((*store->get("k") == store_entry{"k", std::string("any \0 bytes \xFF", 13), revision}));
}

BOOST_AUTO_TEST_CASE(an_empty_value_is_a_value) {
  put("k", {});
  BOOST_TEST(value_of("k").empty());
}

BOOST_AUTO_TEST_CASE(a_list_is_of_a_prefix_and_in_order) {
  for (const char* key : {"b", "a/2", "a/10", "a", "a0", "A/1"}) put(key, key);
  auto keys_of = [&](std::string_view prefix) {
    std::vector<std::string> keys;
    auto listed = store->list(prefix);
    BOOST_REQUIRE(listed);
    for (const auto& entry : *listed) {
      BOOST_TEST(entry.key == entry.value);
      keys.push_back(entry.key);
    }
    return keys;
  };
  BOOST_TEST((keys_of("a/") == std::vector<std::string>{"a/10", "a/2"}));
  BOOST_TEST((keys_of({}) == std::vector<std::string>{"A/1", "a", "a/10", "a/2", "a0", "b"}));
  BOOST_TEST(keys_of("%").empty());
}

BOOST_AUTO_TEST_CASE(keys_and_values_have_limits) {
  BOOST_TEST((store->put_if("", "v", 0).err().code == errc::invalid_argument));
  BOOST_TEST((store->put_if(std::string(1025, 'k'), "v", 0).err().code == errc::invalid_argument));
  BOOST_TEST((store->put_if("k", std::string((1 << 20) + 1, 'v'), 0).err().code == errc::payload_too_large));
  put(std::string(1024, 'k'), std::string(1 << 20, 'v'));
}

BOOST_AUTO_TEST_CASE(a_list_of_too_many_bytes_is_refused) {
  for (int i = 0; i < 65; ++i) put("k" + std::to_string(i), std::string(1 << 20, 'v'));
  BOOST_TEST((store->list("k").err().code == errc::overloaded));
  BOOST_TEST(store->list("k1")->size() == 11u);
}

BOOST_AUTO_TEST_CASE(a_list_of_too_many_keys_is_refused) {
  // By SQL, since ten thousand writes of ours wait ten thousand times for the disk.
  sqlite3* db = nullptr;
  BOOST_REQUIRE(sqlite3_open(file.c_str(), &db) == SQLITE_OK);
  BOOST_REQUIRE(sqlite3_exec(db,
                             "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10001) "
                             "INSERT INTO entries SELECT 'k' || i, 'v', 1 FROM n",
                             nullptr, nullptr, nullptr) == SQLITE_OK);
  sqlite3_close(db);
  BOOST_TEST((store->list("k").err().code == errc::overloaded));
  BOOST_TEST(store->list("k1")->size() == 1113u);
}

BOOST_AUTO_TEST_CASE(two_handles_see_each_other_and_one_of_two_writers_wins) {
  auto other = open();
  auto first = put("k", "one");
  BOOST_TEST((*other->get("k") == store_entry{"k", "one", first}));
  BOOST_TEST(other->put_if("k", "theirs", first).has_value());
  BOOST_TEST((store->put_if("k", "ours", first).err().code == errc::conflict));
  BOOST_TEST(value_of("k") == "theirs");
}

BOOST_AUTO_TEST_CASE(writers_at_once_lose_no_update) {
  put("count", "0");
  constexpr int threads = 4, each = 10;
  std::vector<std::thread> writers;
  std::atomic<bool> failed = false;
  for (int t = 0; t < threads; ++t) {
    writers.emplace_back([&] {
      auto mine = sqlite_store::open(file);
      if (!mine) failed = true;
      for (int done = 0; done < each && !failed;) {
        auto now = (*mine)->get("count");
        if (!now) failed = true;
        auto next = std::to_string(std::stoi((*now)->value) + 1);
        auto written = (*mine)->put_if("count", next, (*now)->revision);
        if (written) ++done;
        if (!written && written.err().code != errc::conflict) failed = true;
      }
    });
  }
  for (auto& writer : writers) writer.join();
  BOOST_TEST(!failed);
  BOOST_TEST(value_of("count") == std::to_string(threads * each));
}

BOOST_AUTO_TEST_CASE(its_files_are_its_owners_alone) {
  put("k", "v");
  size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    struct stat facts {};
    BOOST_REQUIRE(::stat(entry.path().c_str(), &facts) == 0);
    BOOST_TEST((facts.st_mode & 07777) == 0600U, entry.path().string());
    ++files;
  }
  BOOST_TEST(files == 3u);
}

BOOST_AUTO_TEST_CASE(a_damaged_file_is_refused_with_what_to_do) {
  for (int i = 0; i < 200; ++i) put("k" + std::to_string(i), std::string(500, 'v'));
  store.reset();
  auto size = std::filesystem::file_size(file);
  BOOST_REQUIRE(size > 20'000);
  std::ifstream in(file, std::ios::binary);
  const std::string good{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  auto write = [&](const std::string& bytes) { std::ofstream(file, std::ios::binary) << bytes; };
  auto damaged = [&](const std::string& bytes, const char* how) {
    write(bytes);
    auto why = refused();
    BOOST_TEST((why.code == errc::corrupt), how << ": " << why.detail);
    BOOST_TEST(why.detail.find(file.string()) == 0u, why.detail);
    BOOST_TEST(why.detail.find("backup") != std::string::npos, why.detail);
    BOOST_TEST(std::filesystem::file_size(file) == bytes.size());  // left as it was, for whoever looks at it
  };
  damaged("this is no database but a text that somebody copied to the wrong place\n", "another file");
  damaged(good.substr(0, good.size() / 2), "cut");
  auto scribbled = good;
  scribbled.replace(4096, 8192, std::string(8192, '\x55'));
  damaged(scribbled, "scribbled over");
  write(good);
  store = open();
  BOOST_TEST(value_of("k7") == std::string(500, 'v'));
}

BOOST_AUTO_TEST_CASE(a_file_of_a_newer_troupe_is_refused_and_left_alone) {
  put("k", "v");
  store.reset();
  sqlite3* db = nullptr;
  BOOST_REQUIRE(sqlite3_open(file.c_str(), &db) == SQLITE_OK);
  BOOST_REQUIRE(sqlite3_exec(db, "PRAGMA user_version=2", nullptr, nullptr, nullptr) == SQLITE_OK);
  sqlite3_close(db);
  auto why = refused();
  BOOST_TEST((why.code == errc::not_supported));
  BOOST_TEST(why.detail.find("newer") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_file_that_cannot_be_opened_is_named) {
  auto missing = sqlite_store::open(folder / "nowhere/store.db");
  BOOST_REQUIRE(!missing);
  BOOST_TEST((missing.err().code == errc::io_failed));
  BOOST_TEST(missing.err().detail.find("nowhere") != std::string::npos);
  BOOST_TEST(!sqlite_store::open(folder.path()).has_value());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace troupe
