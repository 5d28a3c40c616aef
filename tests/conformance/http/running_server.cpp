#include "tests/conformance/http/running_server.hpp"

#include "base/check.hpp"

namespace troupe {
namespace {

constexpr std::chrono::seconds patience{30};

std::string text_of(const log_field& field) {
  if (const auto* text = std::get_if<std::string_view>(&field.value)) return std::string(*text);
  if (const auto* number = std::get_if<int64_t>(&field.value)) return std::to_string(*number);
  if (const auto* count = std::get_if<uint64_t>(&field.value)) return std::to_string(*count);
  return "?";
}

}  // namespace

void recorded_events::write(log_level level, std::string_view event, std::initializer_list<log_field> fields) {
  TROUPE_CHECK(level != log_level::error);
  if (event != "gateway.request") return;
  std::map<std::string, std::string> line;
  for (const auto& field : fields) line.emplace(field.key, text_of(field));
  std::lock_guard lock(mutex_);
  lines_.push_back(std::move(line));
  changed_.notify_all();
}

void recorded_events::add(const std::string& what) {
  std::lock_guard lock(mutex_);
  ++counts_[what];
  changed_.notify_all();
}

void recorded_events::wait_for(const std::string& what, size_t times) {
  TROUPE_CHECK(happens_within(patience, what, times));
}

bool recorded_events::happens_within(std::chrono::milliseconds most, const std::string& what, size_t times) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, most, [&] { return counts_[what] >= times; });
}

size_t recorded_events::count(const std::string& what) {
  std::lock_guard lock(mutex_);
  return counts_[what];
}

std::map<std::string, std::string> recorded_events::line(size_t i) {
  std::unique_lock lock(mutex_);
  TROUPE_CHECK(changed_.wait_for(lock, patience, [&] { return lines_.size() > i; }));
  return lines_[i];
}

running_server::running_server(http_server_config config) {
  auto started = http_server::start(std::move(config), *api, time, random, events, events);
  TROUPE_CHECK(started.has_value());
  server = std::move(*started);
}

std::string running_server::post(std::string_view path, std::string_view body, std::string_view fields) {
  std::string out = "POST ";
  out += path;
  out += " HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n";
  out += fields;
  out += "\r\n";
  out += body;
  return out;
}

std::string running_server::get(std::string_view path, std::string_view fields) {
  std::string out = "GET ";
  out += path;
  out += " HTTP/1.1\r\nHost: test\r\n";
  out += fields;
  return out + "\r\n";
}

std::string running_server::chat(std::string_view members) {
  return post("/v1/chat/completions",
              R"({"model":"tiny","messages":[{"role":"user","content":"Hi"}])" + std::string(members) + "}");
}

raw_response running_server::ask(std::string_view request) {
  raw_client client(port());
  client.send(request);
  return client.read_response();
}

void running_server::drain(duration deadline) {
  server->drain(deadline, [this](size_t cut) {
    std::lock_guard lock(mutex_);
    TROUPE_CHECK(!drained_);
    drained_ = cut;
    changed_.notify_all();
  });
}

void running_server::advance_until(const std::string& what, duration step) {
  auto end = std::chrono::steady_clock::now() + patience;
  while (!events.happens_within(std::chrono::milliseconds(20), what)) {
    TROUPE_CHECK(std::chrono::steady_clock::now() < end);
    time.advance(step);
  }
}

size_t running_server::wait_until_drained() {
  std::unique_lock lock(mutex_);
  TROUPE_CHECK(changed_.wait_for(lock, patience, [this] { return drained_.has_value(); }));
  return *drained_;
}

std::string error_code_of(const raw_response& response) {
  auto parsed = parse_json(response.body);
  if (!parsed || !parsed->is_object()) return "no JSON object: " + response.body;
  const auto* e = parsed->get_object().if_contains("error");
  if (!e || !e->is_object()) return "no error";
  for (auto member : {"message", "type", "param", "code"}) {
    if (!e->get_object().contains(member)) return std::string("no ") + member;
  }
  const auto& code = e->at("code");
  return code.is_string() ? std::string(code.get_string()) : "null";
}

}  // namespace troupe
