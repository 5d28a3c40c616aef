// Structured log events: a name and key=value pairs, one JSON object a line. An actor is given a logger; what is
// expected is never logged as an error, for an error-level event fails a simulation.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

namespace troupe {

enum class log_level : uint8_t { debug, info, warn, error };

struct log_field {
  std::string_view key;
  std::variant<int64_t, uint64_t, double, bool, std::string_view> value;

  log_field(std::string_view k, int v) : key(k), value(int64_t{v}) {}
  log_field(std::string_view k, int64_t v) : key(k), value(v) {}
  log_field(std::string_view k, uint32_t v) : key(k), value(uint64_t{v}) {}
  log_field(std::string_view k, uint64_t v) : key(k), value(v) {}
  log_field(std::string_view k, double v) : key(k), value(v) {}
  log_field(std::string_view k, bool v) : key(k), value(v) {}
  log_field(std::string_view k, std::string_view v) : key(k), value(v) {}
  log_field(std::string_view k, const char* v) : key(k), value(std::string_view(v)) {}
  log_field(std::string_view k, const std::string& v) : key(k), value(std::string_view(v)) {}
};

class logger {
 public:
  virtual ~logger() = default;
  /// `event` is "<actor>.<event>". Never blocks for long, never throws. Any thread.
  virtual void write(log_level level, std::string_view event, std::initializer_list<log_field> fields) = 0;

  void debug(std::string_view event, std::initializer_list<log_field> fields = {}) {
    write(log_level::debug, event, fields);
  }
  void info(std::string_view event, std::initializer_list<log_field> fields = {}) {
    write(log_level::info, event, fields);
  }
  void warn(std::string_view event, std::initializer_list<log_field> fields = {}) {
    write(log_level::warn, event, fields);
  }
  void error(std::string_view event, std::initializer_list<log_field> fields = {}) {
    write(log_level::error, event, fields);
  }
};

/// Writes to standard error: {"ts":"…","level":"info","node":"…","event":"…", …}. Events below `least` are dropped.
std::unique_ptr<logger> make_json_logger(const std::string& node, log_level least);

/// Drops everything; for tests.
logger& null_logger();

/// "debug", "info", "warn" or "error"; false when the text is none of them.
bool parse_log_level(std::string_view text, log_level& out);

/// Appends `text` as the inside of a JSON string; bytes that are not UTF-8 become U+FFFD.
void append_json_escaped(std::string& out, std::string_view text);

}  // namespace troupe
