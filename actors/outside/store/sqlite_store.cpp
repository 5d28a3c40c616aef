#include "actors/outside/store/sqlite_store.hpp"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <cerrno>
#include <mutex>
#include <system_error>

#include "base/unique_fd.hpp"

namespace troupe {
namespace {

constexpr int schema_version = 1;
constexpr size_t key_bytes_max = 1 << 10;
constexpr size_t value_bytes_max = 1 << 20;
constexpr int list_max = 10'000;
constexpr size_t list_bytes_max = 64 << 20;

struct close_database {
  void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
};
using database = std::unique_ptr<sqlite3, close_database>;

struct finalize_statement {
  void operator()(sqlite3_stmt* s) const { sqlite3_finalize(s); }
};
using statement = std::unique_ptr<sqlite3_stmt, finalize_statement>;

// A statement in use: reset when it goes, so that it holds no lock.
class running {
 public:
  explicit running(sqlite3_stmt* s) : s_(s) {}
  running(const running&) = delete;
  running& operator=(const running&) = delete;
  ~running() {
    sqlite3_reset(s_);
    sqlite3_clear_bindings(s_);
  }
  void text(int at, std::string_view value) {
    // A null pointer would be SQL's NULL, which is not the empty text.
    sqlite3_bind_text(s_, at, value.empty() ? "" : value.data(), static_cast<int>(value.size()), SQLITE_STATIC);
  }
  void number(int at, uint64_t value) { sqlite3_bind_int64(s_, at, static_cast<sqlite3_int64>(value)); }
  int step() { return sqlite3_step(s_); }
  std::string text_at(int column) const {
    const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(s_, column));
    return {bytes, static_cast<size_t>(sqlite3_column_bytes(s_, column))};
  }
  uint64_t number_at(int column) const { return static_cast<uint64_t>(sqlite3_column_int64(s_, column)); }

 private:
  sqlite3_stmt* s_;
};

}  // namespace

class sqlite_store::implementation {
 public:
  explicit implementation(std::string file) : file_(std::move(file)) {}

  result<void> open() {
    // Made here and not by SQLite, so that it is private from the first moment; the files beside it take over its mode.
    unique_fd made(::open(file_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!made || ::fchmod(made.get(), 0600) != 0) {
      return {errc::io_failed, file_ + ": cannot be opened: " + std::generic_category().message(errno)};
    }
    made.reset();
    sqlite3* raw = nullptr;
    int code = sqlite3_open_v2(file_.c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_FULLMUTEX, nullptr);
    db_.reset(raw);
    if (code != SQLITE_OK) return failure("cannot be opened");
    sqlite3_busy_timeout(raw, 2000);
    TROUPE_TRY(check_whole());
    TROUPE_TRY(run("PRAGMA journal_mode=WAL"));
    TROUPE_TRY(run("PRAGMA synchronous=FULL"));
    TROUPE_TRY(check_version());
    TROUPE_TRY(
        run("CREATE TABLE IF NOT EXISTS entries(key TEXT PRIMARY KEY, value BLOB NOT NULL, revision INTEGER NOT NULL) "
            "WITHOUT ROWID"));
    TROUPE_TRY(
        run("CREATE TABLE IF NOT EXISTS counter(one INTEGER PRIMARY KEY CHECK(one = 1), revision INTEGER NOT NULL)"));
    TROUPE_TRY(run("INSERT OR IGNORE INTO counter VALUES(1, 0)"));
    TROUPE_TRY(prepare(get_, "SELECT value, revision FROM entries WHERE key = ?1"));
    TROUPE_TRY(prepare(count_, "UPDATE counter SET revision = revision + 1 WHERE one = 1 RETURNING revision"));
    TROUPE_TRY(prepare(
        write_, "INSERT INTO entries VALUES(?1, ?2, ?3) ON CONFLICT(key) DO UPDATE SET value = ?2, revision = ?3"));
    TROUPE_TRY(prepare(remove_, "DELETE FROM entries WHERE key = ?1"));
    TROUPE_TRY(prepare(list_, "SELECT key, value, revision FROM entries WHERE key >= ?1 ORDER BY key LIMIT ?2"));
    return {};
  }

  result<std::optional<store_entry>> get(std::string_view key) {
    std::lock_guard lock(mutex_);
    return read(key);
  }

  result<uint64_t> put_if(std::string_view key, std::string_view value, uint64_t expected) {
    if (value.size() > value_bytes_max) return {errc::payload_too_large, "a value of the store has at most 1 MiB"};
    std::lock_guard lock(mutex_);
    uint64_t revision = 0;
    TROUPE_TRY(change(key, expected, [&]() -> result<void> {
      running counted(count_.get());
      if (counted.step() != SQLITE_ROW) return failure("cannot be written");
      revision = counted.number_at(0);
      if (counted.step() != SQLITE_DONE) return failure("cannot be written");
      running writing(write_.get());
      writing.text(1, key);
      writing.text(2, value);
      writing.number(3, revision);
      if (writing.step() != SQLITE_DONE) return failure("cannot be written");
      return {};
    }));
    return revision;
  }

  result<void> remove_if(std::string_view key, uint64_t expected) {
    std::lock_guard lock(mutex_);
    return change(key, expected, [&]() -> result<void> {
      running removing(remove_.get());
      removing.text(1, key);
      if (removing.step() != SQLITE_DONE) return failure("cannot be written");
      return {};
    });
  }

  result<std::vector<store_entry>> list(std::string_view prefix) {
    std::lock_guard lock(mutex_);
    running listing(list_.get());
    listing.text(1, prefix);
    listing.number(2, list_max + 1);
    std::vector<store_entry> entries;
    size_t bytes = 0;
    for (int code = listing.step(); code != SQLITE_DONE; code = listing.step()) {
      if (code != SQLITE_ROW) return failure("cannot be read");
      auto key = listing.text_at(0);
      if (!std::string_view(key).starts_with(prefix)) break;
      if (entries.size() == list_max) {
        return {errc::overloaded,
                "more than " + std::to_string(list_max) + " keys begin with \"" + std::string(prefix) + "\""};
      }
      auto value = listing.text_at(1);
      bytes += key.size() + value.size();
      if (bytes > list_bytes_max) {
        return {errc::overloaded, "what is under \"" + std::string(prefix) + "\" is more than 64 MiB together"};
      }
      entries.push_back({std::move(key), std::move(value), listing.number_at(2)});
    }
    return entries;
  }

 private:
  error failure(std::string_view what) const {
    int code = sqlite3_errcode(db_.get());
    std::string text = file_ + ": " + std::string(what) + ": " + sqlite3_errmsg(db_.get());
    if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB) {
      return {errc::corrupt, text + "; move the file away to start with an empty store, or put a backup in its place"};
    }
    return {errc::io_failed, text};
  }

  result<void> run(const char* sql) {
    if (sqlite3_exec(db_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) return failure("cannot be prepared");
    return {};
  }

  result<void> prepare(statement& s, const char* sql) {
    sqlite3_stmt* raw = nullptr;
    if (sqlite3_prepare_v3(db_.get(), sql, -1, SQLITE_PREPARE_PERSISTENT, &raw, nullptr) != SQLITE_OK) {
      return failure("cannot be prepared");
    }
    s.reset(raw);
    return {};
  }

  result<void> check_whole() {
    statement check;
    TROUPE_TRY(prepare(check, "PRAGMA quick_check(1)"));
    running checking(check.get());
    if (checking.step() != SQLITE_ROW) return failure("cannot be checked");
    if (checking.text_at(0) != "ok") {
      return {errc::corrupt, file_ + ": is damaged: " + checking.text_at(0) +
                                 "; move the file away to start with an empty store, or put a backup in its place"};
    }
    return {};
  }

  result<void> check_version() {
    uint64_t version = 0;
    {
      statement ask;
      TROUPE_TRY(prepare(ask, "PRAGMA user_version"));
      running asking(ask.get());
      if (asking.step() != SQLITE_ROW) return failure("cannot be read");
      version = asking.number_at(0);
    }
    if (version > schema_version) {
      return {errc::not_supported, file_ + ": was written by a newer troupe (form " + std::to_string(version) +
                                       ", this one knows " + std::to_string(schema_version) + ")"};
    }
    if (version == schema_version) return {};
    return run("PRAGMA user_version=1");
  }

  result<std::optional<store_entry>> read(std::string_view key) {
    running reading(get_.get());
    reading.text(1, key);
    int code = reading.step();
    if (code == SQLITE_DONE) return std::optional<store_entry>{};
    if (code != SQLITE_ROW) return failure("cannot be read");
    return std::optional(store_entry{std::string(key), reading.text_at(0), reading.number_at(1)});
  }

  // One transaction: `action` if the key's revision is the expected one.
  template <class Action>
  result<void> change(std::string_view key, uint64_t expected, Action action) {
    if (key.empty() || key.size() > key_bytes_max)
      return {errc::invalid_argument, "a key of the store has 1 to 1024 bytes"};
    TROUPE_TRY(run("BEGIN IMMEDIATE"));
    auto done = [&]() -> result<void> {
      TROUPE_ASSIGN(auto present, read(key));
      uint64_t revision = present ? present->revision : 0;
      if (revision != expected) {
        return {errc::conflict,
                std::string(key) + " has revision " + std::to_string(revision) + ", not " + std::to_string(expected)};
      }
      return action();
    }();
    if (!done) {
      (void)run("ROLLBACK");
      return done;
    }
    auto committed = run("COMMIT");
    // A full disk leaves the transaction open.
    if (!committed && sqlite3_get_autocommit(db_.get()) == 0) (void)run("ROLLBACK");
    return committed;
  }

  std::string file_;
  std::mutex mutex_;
  database db_;
  statement get_, count_, write_, remove_, list_;
};

sqlite_store::sqlite_store(std::unique_ptr<implementation> made) : implementation_(std::move(made)) {}
sqlite_store::~sqlite_store() = default;

result<std::unique_ptr<sqlite_store>> sqlite_store::open(const std::filesystem::path& file) {
  auto made = std::make_unique<implementation>(file.string());
  TROUPE_TRY(made->open());
  return std::unique_ptr<sqlite_store>(new sqlite_store(std::move(made)));
}

result<std::optional<store_entry>> sqlite_store::get(std::string_view key) { return implementation_->get(key); }
result<uint64_t> sqlite_store::put_if(std::string_view key, std::string_view value, uint64_t expected) {
  return implementation_->put_if(key, value, expected);
}
result<void> sqlite_store::remove_if(std::string_view key, uint64_t expected) {
  return implementation_->remove_if(key, expected);
}
result<std::vector<store_entry>> sqlite_store::list(std::string_view prefix) { return implementation_->list(prefix); }

}  // namespace troupe
