#include "base/log.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <array>
#include <cmath>

#include "base/utf8.hpp"

namespace troupe {
namespace {

constexpr std::array<std::string_view, 4> level_names{"debug", "info", "warn", "error"};

spdlog::level::level_enum to_spdlog(log_level level) {
  switch (level) {
    case log_level::debug: return spdlog::level::debug;
    case log_level::info: return spdlog::level::info;
    case log_level::warn: return spdlog::level::warn;
    case log_level::error: return spdlog::level::err;
  }
  return spdlog::level::err;
}

void append_value(std::string& out, const log_field& field) {
  struct visitor {
    std::string& out;
    void operator()(int64_t v) const { out += std::to_string(v); }
    void operator()(uint64_t v) const { out += std::to_string(v); }
    void operator()(double v) const { out += std::isfinite(v) ? fmt::format("{}", v) : "null"; }
    void operator()(bool v) const { out += v ? "true" : "false"; }
    void operator()(std::string_view v) const {
      out += '"';
      append_json_escaped(out, v);
      out += '"';
    }
  };
  std::visit(visitor{out}, field.value);
}

class json_logger final : public logger {
 public:
  json_logger(const std::string& node, log_level least)
      : log_(node, std::make_shared<spdlog::sinks::stderr_sink_mt>()) {
    std::string escaped;
    append_json_escaped(escaped, node);
    // The message is already the tail of a JSON object; a '%' in the node's name would be read as a flag.
    std::string safe;
    for (char c : escaped) safe += c == '%' ? "%%" : std::string(1, c);
    log_.set_pattern(R"({"ts":"%Y-%m-%dT%H:%M:%S.%eZ","node":")" + safe + R"(",%v})", spdlog::pattern_time_type::utc);
    log_.set_level(to_spdlog(least));
    log_.flush_on(spdlog::level::debug);
  }

  void write(log_level level, std::string_view event, std::initializer_list<log_field> fields) override {
    if (!log_.should_log(to_spdlog(level))) return;
    std::string line = R"("level":")";
    line += level_names[static_cast<size_t>(level)];
    line += R"(","event":")";
    append_json_escaped(line, event);
    line += '"';
    for (const auto& field : fields) {
      line += ",\"";
      append_json_escaped(line, field.key);
      line += "\":";
      append_value(line, field);
    }
    log_.log(to_spdlog(level), spdlog::string_view_t(line.data(), line.size()));
  }

 private:
  spdlog::logger log_;
};

class dropping_logger final : public logger {
  void write(log_level, std::string_view, std::initializer_list<log_field>) override {}
};

}  // namespace

std::unique_ptr<logger> make_json_logger(const std::string& node, log_level least) {
  return std::make_unique<json_logger>(node, least);
}

logger& null_logger() {
  static dropping_logger instance;
  return instance;
}

bool parse_log_level(std::string_view text, log_level& out) {
  for (size_t i = 0; i < level_names.size(); ++i) {
    if (level_names[i] == text) {
      out = static_cast<log_level>(i);
      return true;
    }
  }
  return false;
}

void append_json_escaped(std::string& out, std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    auto c = static_cast<unsigned char>(text[i]);
    if (c < 0x80) {
      switch (c) {
        case '"': out += "\\\""; break;
        case '\\': out += "\\\\"; break;
        case '\n': out += "\\n"; break;
        case '\r': out += "\\r"; break;
        case '\t': out += "\\t"; break;
        default:
          if (c < 0x20 || c == 0x7F) {
            out += fmt::format("\\u{:04x}", c);
          } else {
            out += static_cast<char>(c);
          }
      }
      ++i;
    } else if (size_t length = utf8_length(text.substr(i)); length > 0) {
      out += text.substr(i, length);
      i += length;
    } else {
      out += "\xEF\xBF\xBD";
      ++i;
    }
  }
}

}  // namespace troupe
