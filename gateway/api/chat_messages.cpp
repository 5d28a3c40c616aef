#include "gateway/api/chat_messages.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "gateway/api/field_reader.hpp"

namespace troupe {
namespace {

namespace json = boost::json;

std::string at(const std::string& path, size_t i) { return path + "[" + std::to_string(i) + "]"; }

api_result<std::string> parse_role(const field_reader& in) {
  TROUPE_ASSIGN(auto role, in.string("role", ""));
  constexpr std::array<std::string_view, 5> roles{"system", "user", "assistant", "tool", "developer"};
  if (std::find(roles.begin(), roles.end(), role) == roles.end()) {
    return invalid_value(in.path_of("role"), "\"system\", \"developer\", \"user\", \"assistant\" or \"tool\"");
  }
  // OpenAI's newer name for the same thing; templates do not know it.
  if (role == "developer") role = "system";
  return role;
}

api_result<std::string> parse_parts(const json::array& parts, const std::string& path) {
  std::string text;
  if (parts.empty()) return invalid_value(path, "a string or a non-empty array of text parts");
  for (size_t i = 0; i < parts.size(); ++i) {
    if (!parts[i].is_object()) return invalid_value(at(path, i), "an object with a type");
    field_reader part(parts[i].get_object(), at(path, i));
    TROUPE_ASSIGN(auto type, part.string("type", ""));
    if (type != "text") return unsupported(part.path_of("type"), "only parts of type \"text\" are read");
    if (!part.has("text")) return invalid_value(part.path_of("text"), "a string");
    TROUPE_ASSIGN(auto piece, part.string("text", ""));
    if (i > 0) text += '\n';
    text += piece;
  }
  return text;
}

api_result<std::string> parse_content(const field_reader& in, bool may_be_absent) {
  const auto* content = in.find("content");
  std::string path = in.path_of("content");
  if (!content && may_be_absent) return std::string();
  if (content && content->is_string()) return std::string(content->get_string());
  if (content && content->is_array()) return parse_parts(content->get_array(), path);
  return invalid_value(path, "a string or an array of text parts");
}

// Clients send the arguments as a text; templates write them with tojson.
api_result<json::array> parse_tool_calls(const json::array& calls, const std::string& path) {
  json::array out;
  for (size_t i = 0; i < calls.size(); ++i) {
    if (!calls[i].is_object()) return invalid_value(at(path, i), "an object");
    json::object call = calls[i].get_object();
    auto* function = call.if_contains("function");
    if (!function || !function->is_object()) return invalid_value(at(path, i) + ".function", "an object");
    auto* arguments = function->get_object().if_contains("arguments");
    if (arguments && arguments->is_string()) {
      auto parsed = parse_json(arguments->get_string());
      if (!parsed || !parsed->is_object()) {
        return invalid_value(at(path, i) + ".function.arguments", "a string that holds a JSON object");
      }
      *arguments = std::move(*parsed);
    }
    out.push_back(std::move(call));
  }
  return out;
}

api_result<json::object> parse_message(const json::value& value, const std::string& path) {
  if (!value.is_object()) return invalid_value(path, "an object");
  field_reader in(value.get_object(), path);
  json::object out;
  TROUPE_ASSIGN(auto role, parse_role(in));
  TROUPE_TRY(in.refuse({"audio", "function_call"}, "messages are text"));
  TROUPE_ASSIGN(const auto* tool_calls, in.array("tool_calls"));
  bool calls = tool_calls && !tool_calls->empty();
  if (calls && role != "assistant") return invalid_value(in.path_of("tool_calls"), "in an assistant's message");
  TROUPE_ASSIGN(auto content, parse_content(in, calls));
  out["role"] = role;
  out["content"] = content;
  if (calls) {
    TROUPE_ASSIGN(out["tool_calls"], parse_tool_calls(*tool_calls, in.path_of("tool_calls")));
  }
  for (std::string_view key : {"name", "tool_call_id", "reasoning_content"}) {
    if (!in.has(key)) continue;
    TROUPE_ASSIGN(out[key], in.string(key, ""));
  }
  return out;
}

std::string_view without_white_space(std::string_view text) {
  constexpr std::string_view white = " \t\r\n\f\v";
  auto first = text.find_first_not_of(white);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(white) - first + 1);
}

// Where `what` stands for the last time in `text`. In linear time, which rfind does not promise: clients choose both.
size_t last_place(std::string_view text, std::string_view what) {
  std::string backwards(text.rbegin(), text.rend());
  std::string wanted(what.rbegin(), what.rend());
  const void* found = ::memmem(backwards.data(), backwards.size(), wanted.data(), wanted.size());
  if (!found) return std::string_view::npos;
  auto at = static_cast<size_t>(static_cast<const char*>(found) - backwards.data());
  return text.size() - at - what.size();
}

}  // namespace

api_result<json::array> normalized_messages(const json::array& messages) {
  if (messages.empty()) return invalid_value("messages", "a non-empty array");
  json::array out;
  out.reserve(messages.size());
  for (size_t i = 0; i < messages.size(); ++i) {
    TROUPE_ASSIGN(auto message, parse_message(messages[i], at("messages", i)));
    out.push_back(std::move(message));
  }
  return out;
}

api_result<std::string> cut_after_final_message(std::string rendered, std::string_view content) {
  std::string_view core = without_white_space(content);
  size_t start = core.empty() ? std::string::npos : last_place(rendered, core);
  if (start == std::string::npos) {
    return api_error({errc::invalid_argument,
                      "continue_final_message needs a last message whose text the model's template writes as it is"},
                     "continue_final_message");
  }
  size_t end = start + core.size();
  // Where the template keeps the white space at the content's end, so do we.
  size_t core_at = static_cast<size_t>(core.data() - content.data());
  std::string_view tail = content.substr(core_at + core.size());
  if (std::string_view(rendered).substr(end, tail.size()) == tail) end += tail.size();
  rendered.resize(end);
  return rendered;
}

}  // namespace troupe
