#include "shards/tokenizer/replace.hpp"

namespace troupe {

result<std::string> replace_all(pattern_finder& finder, std::string_view text, std::string_view content,
                                size_t bytes_max) {
  TROUPE_ASSIGN(auto found, finder.find_all(text));
  if (!content.empty() && found.size() > bytes_max / content.size()) {
    return {errc::invalid_argument,
            "the text grows beyond " + std::to_string(bytes_max) + " bytes when it is normalized"};
  }
  std::string out;
  out.reserve(text.size() + found.size() * content.size());
  size_t at = 0;
  for (auto match : found) {
    out += text.substr(at, match.begin - at);
    out += content;
    at = match.end;
  }
  out += text.substr(at);
  return out;
}

}  // namespace troupe
